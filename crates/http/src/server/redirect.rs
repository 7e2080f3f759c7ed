//! What a plain request gets where TLS is spoken: the same address with `https`.

use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, HOST, HeaderValue, LOCATION};
use axum::http::uri::Authority;
use axum::http::{Response, StatusCode};
use base::{Code, Problem};
use bytes::Bytes;

use crate::{Ask, HotPath, PROBLEM_JSON, cache, problem};

/// Sends everybody to `https`.
#[derive(Clone, Debug)]
pub(super) struct ToHttps {
    /// The host for who names none, as `HOST` or `HOST:PORT`.
    pub(super) name: Option<String>,
    /// The port where TLS is spoken, as clients reach it; `None` when it is the one that was asked.
    pub(super) port: Option<u16>,
}

impl ToHttps {
    /// Returns the address with `https`; `None` when nobody says which host.
    fn location(&self, ask: &Ask<'_>) -> Option<HeaderValue> {
        let asked = ask.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host: Authority = asked
            .or_else(|| ask.uri.authority().map(Authority::as_str))
            .and_then(host)
            .or_else(|| self.name.as_deref().and_then(host))?;
        let port = match self.port.or(host.port_u16()) {
            None | Some(443) => String::new(),
            Some(port) => format!(":{port}"),
        };
        let host = host.host();
        let path = ask.uri.path_and_query().map_or("/", |path| path.as_str());
        // `*` of an OPTIONS request is no path.
        let path = if path.starts_with('/') { path } else { "/" };
        HeaderValue::from_str(&format!("https://{host}{port}{path}")).ok()
    }
}

impl HotPath for ToHttps {
    fn answer(&self, ask: &Ask<'_>) -> Option<Response<Bytes>> {
        let mut response = Response::new(Bytes::new());
        if let Some(location) = self.location(ask) {
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            response.headers_mut().insert(LOCATION, location);
            let headers = response.headers_mut();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
            // It repeats what the request said of its host, so that nobody may keep it for others.
            headers.insert(CACHE_CONTROL, cache::NO_STORE);
        } else {
            let problem = Problem::new(Code::MalformedQuery, "the request names no host");
            *response.status_mut() = StatusCode::BAD_REQUEST;
            *response.body_mut() = problem::document(&problem, None, None).into();
            let kind = axum::http::header::CONTENT_TYPE;
            response.headers_mut().insert(kind, PROBLEM_JSON);
        }
        Some(response)
    }
}

/// Reads a host, perhaps with a port; `None` when it is none.
fn host(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    let is_host = !text.contains('@') && !authority.host().is_empty();
    is_host.then_some(authority)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Method, Uri};

    use super::*;

    fn location(
        name: Option<&str>,
        port: Option<u16>,
        host: Option<&str>,
        uri: &str,
    ) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        }
        let to_https = ToHttps {
            name: name.map(str::to_owned),
            port,
        };
        let ask = Ask {
            method: &Method::GET,
            uri: &uri.parse::<Uri>().unwrap(),
            headers: &headers,
            client: [192, 0, 2, 1].into(),
        };
        let response = to_https.answer(&ask).unwrap();
        let location = response.headers().get(LOCATION)?;
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
        Some(location.to_str().unwrap().to_owned())
    }

    #[test]
    fn path_and_query_stay_and_the_port_is_the_one_of_tls() {
        let (tls, other) = (Some(443), Some(8_443));
        let (here, b) = (None, Some("b.example"));
        for (name, port, host, uri, expect) in [
            (
                None,
                tls,
                Some("a.example"),
                "/b?c=d",
                "https://a.example/b?c=d",
            ),
            (
                None,
                other,
                Some("a.example:80"),
                "/",
                "https://a.example:8443/",
            ),
            (
                None,
                here,
                Some("a.example:99"),
                "/",
                "https://a.example:99/",
            ),
            (None, here, Some("a.example"), "/", "https://a.example/"),
            (None, tls, Some("[::1]:80"), "/x", "https://[::1]/x"),
            (None, tls, None, "http://a.example/x", "https://a.example/x"),
            (b, tls, None, "/x", "https://b.example/x"),
            (b, tls, Some("a b"), "/", "https://b.example/"),
            (
                Some("b.example:1"),
                here,
                Some("u@a.example"),
                "/",
                "https://b.example:1/",
            ),
            (b, tls, Some("a.example"), "*", "https://a.example/"),
        ] {
            assert_eq!(location(name, port, host, uri).as_deref(), Some(expect));
        }
        for host in [None, Some(""), Some("a/b"), Some("a\t"), Some("x@y")] {
            assert_eq!(location(None, tls, host, "/"), None, "{host:?}");
        }
    }
}
