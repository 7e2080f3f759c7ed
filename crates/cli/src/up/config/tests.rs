//! The handbook's list of settings is the program's.

use super::*;

#[test]
fn the_handbook_explains_every_key() {
    let page = include_str!("../../../../../docs/handbook/running.md");
    let (_, rest) = page
        .split_once("\n## Settings\n")
        .expect("a section about settings");
    let (section, _) = rest
        .split_once("\n### Sizes\n")
        .expect("what follows the keys");
    let start = section.find("### ").expect("a first key");
    let expected = config::reference::<Config>().replace("## ", "### ");
    assert_eq!(section[start..].trim_end(), expected.trim_end());
}

#[test]
fn relative_paths_begin_at_the_folder_of_the_file() {
    let tls = |cert: &str, key: &str| Tls {
        cert: cert.to_owned(),
        key: key.to_owned(),
        self_signed: false,
        redirect_listen: String::new(),
    };
    for (folder, cert, expect) in [
        ("/etc/hall", "cert.pem", "/etc/hall/cert.pem"),
        ("/etc/hall", "../pki/cert.pem", "/etc/hall/../pki/cert.pem"),
        ("/etc/hall", "/pki/cert.pem", "/pki/cert.pem"),
        ("settings", "cert.pem", "settings/cert.pem"),
        ("", "cert.pem", "cert.pem"),
        ("/etc/hall", "", ""),
    ] {
        let mut found = tls(cert, "/key.pem");
        found.start_at(Path::new(folder)).unwrap();
        assert_eq!(
            (found.cert.as_str(), found.key.as_str()),
            (expect, "/key.pem")
        );
        let mut found = tls("/cert.pem", cert);
        found.start_at(Path::new(folder)).unwrap();
        assert_eq!(
            (found.cert.as_str(), found.key.as_str()),
            ("/cert.pem", expect)
        );
    }
}
