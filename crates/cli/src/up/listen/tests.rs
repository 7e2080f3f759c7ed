//! Files of a certificate that go, come back and change.

#![allow(clippy::disallowed_methods, reason = "tests prepare their own files")]

use std::fs;

use super::*;

fn pair() -> (String, String) {
    http_kit::self_signed(&["localhost".to_owned()], Clock::system().now()).unwrap()
}

#[test]
fn each_change_of_the_files_is_told_once_and_nothing_bad_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (cert, key) = (at("cert.pem"), at("key.pem"));
    let put = |pair: &(String, String)| {
        fs::write(&cert, &pair.0).unwrap();
        fs::write(&key, &pair.1).unwrap();
    };
    let (first, second) = (pair(), pair());
    put(&first);
    let (certificate_pem, key_pem) = (read(&cert).unwrap(), read(&key).unwrap());
    let tls = Tls::new(pem(&cert, &certificate_pem), pem(&key, &key_pem)).unwrap();
    let mut files = Files {
        tls: Arc::new(tls),
        cert: cert.clone(),
        key: key.clone(),
        last: (certificate_pem, key_pem),
        is_gone: false,
    };
    assert!(files.look().is_none());

    for gone in [&cert, &key] {
        fs::remove_file(gone).unwrap();
        let Some(Seen::Gone(problem)) = files.look() else {
            panic!("{gone} is gone");
        };
        assert_eq!(problem.code, Code::Tls);
        assert!(problem.detail.contains(gone.as_str()), "{problem}");
        assert!(files.look().is_none(), "it is told once");
        put(&first);
        assert!(matches!(files.look(), Some(Seen::Back)));
        assert!(files.look().is_none());
    }

    fs::write(&cert, "this is no certificate").unwrap();
    assert!(matches!(files.look(), Some(Seen::Unusable(_))));
    assert!(files.look().is_none(), "it is told once");
    fs::remove_file(&cert).unwrap();
    assert!(matches!(files.look(), Some(Seen::Gone(_))));
    put(&second);
    assert!(matches!(files.look(), Some(Seen::Replaced)));
    assert!(files.look().is_none());
}
