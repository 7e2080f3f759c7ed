//! `commonhold join`: becoming a member with a key of one's own.

use api::{RegisterRequest, RegisterView, SCHEMA_VERSION};
use base::{Code, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chain::Signer as _;

use super::args::JoinArgs;
use crate::agent;
use crate::dial::{self, Progress};
use crate::home;
use crate::output::{Outcome, Output};

/// Runs `commonhold join`.
pub(crate) async fn run(args: &JoinArgs, output: &Output) -> Outcome {
    let (address, code) = split(&args.url);
    let code = match (&args.code, code) {
        (Some(code), None) => code.as_str(),
        (None, Some(code)) => code,
        (None, None) => "",
        (Some(_), Some(_)) => {
            let detail = "the code stands in the address already: leave --code out";
            return Err(Problem::new(Code::Config, detail).into());
        }
    };
    let data = home::agent(args.agent.data.clone())?;
    let signer = agent::signer(&data)?;
    let doorway = dial::doorway(address, args.ca.as_deref(), &Progress::new(*output))?;
    let key = signer.agent().to_string();
    let challenge = doorway.challenge(&key).await?.challenge;
    let signature = signer.sign_statement(challenge.as_bytes());
    let request = RegisterRequest {
        schema_version: SCHEMA_VERSION,
        signature: STANDARD.encode(signature.0),
        challenge,
        code: code.to_owned(),
        name: args.name.clone(),
    };
    let view = doorway.register(&request).await?;
    let name = doorway.version().await?.community.name;
    output.done(&view, &told(&view, &name, address));
    Ok(())
}

/// Splits the address of an invite into that of its doorway and the code.
fn split(url: &str) -> (&str, Option<&str>) {
    let (address, code) = match url.split_once('#') {
        Some((address, code)) => (address, Some(code)),
        None => (url, None),
    };
    let address = address.trim_end_matches('/');
    (address.strip_suffix("/join").unwrap_or(address), code)
}

/// Says what became of it, and what comes next.
fn told(view: &RegisterView, community: &str, address: &str) -> Vec<String> {
    if view.state == "member" {
        return vec![
            format!("You are a member of {community}, as {}.", view.role),
            format!("Say how you are called: commonhold profile --name NAME --to {address}"),
            format!("Put a folder on the web: commonhold publish FOLDER --to {address}"),
        ];
    }
    vec![
        format!("{community} knows that you want to join; a steward lets you in."),
        format!("Your key, should they ask: {}", view.agent),
        "Run the same command again to see whether they have.".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn an_invite_is_split_at_its_code() {
        let doorway = "https://school.example.org";
        for url in [
            doorway,
            "https://school.example.org/",
            "https://school.example.org/join",
        ] {
            assert_eq!(split(url), (doorway, None), "{url}");
        }
        let url = "https://school.example.org/join#K7QF-2M9X-R4TB-9ZQH";
        assert_eq!(split(url), (doorway, Some("K7QF-2M9X-R4TB-9ZQH")));
    }
}
