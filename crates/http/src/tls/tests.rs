//! Files that fit, and what is said about those that do not.

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_795_178_454);

fn make(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    self_signed(&names, NOW).unwrap()
}

fn read(certificate: &[u8], key: &[u8]) -> Result<Tls, TlsError> {
    let certificate = Pem {
        file: "site.crt",
        bytes: certificate,
    };
    let key = Pem {
        file: "site.key",
        bytes: key,
    };
    Tls::new(certificate, key)
}

fn refused(certificate: &str, key: &str) -> String {
    let error = read(certificate.as_bytes(), key.as_bytes()).unwrap_err();
    let problem = error.problem();
    assert_eq!(problem.code, Code::Tls);
    problem.detail
}

#[test]
fn what_does_not_fit_is_told_with_its_file() {
    let (certificate, key) = make(&["localhost"]);
    let (_, other) = make(&["localhost"]);
    assert_eq!(
        refused("", &key),
        "site.crt holds no readable certificate: no section CERTIFICATE"
    );
    assert_eq!(
        refused(&certificate, "hello"),
        "site.key holds no key that can be used: no section PRIVATE KEY"
    );
    assert_eq!(
        refused(&key, &certificate),
        "site.crt holds no readable certificate: no section CERTIFICATE"
    );
    assert_eq!(
        refused(&certificate, &other),
        "the key in site.key does not belong to the certificate in site.crt"
    );
    let torn = &certificate[..certificate.len() / 2];
    assert_eq!(
        refused(torn, &key),
        "site.crt holds no readable certificate: a section has no end"
    );
    let spoilt = key.replacen("-\nM", "-\n!", 1);
    assert_eq!(
        refused(&certificate, &spoilt),
        "site.key holds no key that can be used: a section is not base64"
    );
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(refused(nonsense, &key).starts_with("site.crt holds no readable certificate: "));
    let nonsense = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(
        refused(&certificate, nonsense).starts_with("site.key holds no key that can be used: ")
    );
    // One file may hold both.
    let both = format!("{key}{certificate}");
    assert!(read(both.as_bytes(), both.as_bytes()).is_ok());
}

#[test]
fn a_bad_replacement_changes_nothing() {
    let (certificate, key) = make(&["localhost"]);
    let tls = read(certificate.as_bytes(), key.as_bytes()).unwrap();
    let before = Arc::clone(&tls.chosen.pair.load().key);
    let bad = Pem {
        file: "site.crt",
        bytes: b"",
    };
    let good = Pem {
        file: "site.key",
        bytes: key.as_bytes(),
    };
    assert!(tls.replace(bad, good).is_err());
    assert!(Arc::ptr_eq(&before, &tls.chosen.pair.load().key));
}

#[test]
fn an_expired_certificate_is_a_warning() {
    let (certificate, key) = make(&["localhost"]);
    let tls = read(certificate.as_bytes(), key.as_bytes()).unwrap();
    let validity = tls.validity().unwrap();
    let day = 86_400;
    assert_eq!(
        validity.not_before,
        Timestamp::from_secs(NOW.as_secs() - day)
    );
    assert_eq!(
        validity.not_after,
        Timestamp::from_secs(NOW.as_secs() + 396 * day)
    );
    assert_eq!(tls.warning(NOW), None);
    let late = Timestamp::from_secs(validity.not_after.as_secs() + 1);
    let warning = tls.warning(late).unwrap();
    assert_eq!(warning.code, Code::Tls);
    assert!(
        warning
            .detail
            .starts_with("the certificate in site.crt has expired: ")
    );
    let early = Timestamp::from_secs(validity.not_before.as_secs() - 1);
    assert!(
        tls.warning(early)
            .unwrap()
            .detail
            .contains("is not good before")
    );
}

#[test]
fn nothing_shows_the_key() {
    let (certificate, key) = make(&["localhost", "127.0.0.1", "::1"]);
    let tls = read(certificate.as_bytes(), key.as_bytes()).unwrap();
    let shown = format!(
        "{tls:?} {:?}",
        Pem {
            file: "site.key",
            bytes: key.as_bytes()
        }
    );
    assert!(
        shown.contains("site.crt") && shown.contains("site.key"),
        "{shown}"
    );
    assert!(shown.len() < 300, "{shown}");
}

#[test]
fn names_that_are_none_are_refused() {
    let error = self_signed(&["sch\u{f6}ne".to_owned()], NOW).unwrap_err();
    assert!(matches!(error, SelfSignError::Names { .. }), "{error:?}");
    assert_eq!(error.problem().code, Code::Tls);
}
