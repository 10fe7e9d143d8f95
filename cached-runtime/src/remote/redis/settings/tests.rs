//! What is refused, and what is taken from where.

use super::*;

fn refusal(change: impl FnOnce(&mut RedisSettings)) -> String {
    let mut settings = RedisSettings::new("redis://:hunter2@localhost", "app");
    change(&mut settings);
    settings.check().unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_named_and_the_url_is_not_repeated() {
    let cases = [
        refusal(|s| s.namespace = "a{b".into()),
        refusal(|s| s.namespace = String::new()),
        refusal(|s| s.read_timeout = Duration::ZERO),
        refusal(|s| s.write_timeout = Duration::MAX),
        refusal(|s| s.connections = 0),
        refusal(|s| s.database = Some(-1)),
        refusal(|s| s.url = "http://:hunter2@localhost".into()),
        refusal(|s| s.url = "rediss://:hunter2@localhost#insecure".into()),
        refusal(|s| s.url = "redis://:hunter2@localhost/hunter2".into()),
        refusal(|s| s.url = "redis://:hunter2@local host".into()),
        refusal(|s| s.url = "redis://:hunter2@localhost/-2".into()),
        refusal(|s| s.url = "redis://:hunter2@localhost?protocol=hunter2".into()),
        refusal(|s| s.url = "hunter2".into()),
        refusal(|s| {
            s.url = "redis://localhost".into();
            s.username = Some("hunter2".into());
        }),
    ];
    for case in &cases {
        assert!(!case.contains("hunter2"), "{case}");
    }
    assert!(cases[0].contains("namespace"));
    assert!(cases[2].contains("read_timeout"));
    assert!(cases[3].contains("write_timeout"));
    assert!(cases[7].contains("always verified"));
}

#[test]
fn settings_take_the_place_of_what_the_url_says() {
    let mut settings = RedisSettings::new("redis://ann:one@localhost:7000/1", "app");
    settings.username = Some("bob".into());
    settings.password = Some("two".into());
    settings.database = Some(3);
    let shown = format!("{settings:?}");
    let checked = settings.check().unwrap();
    let login = checked.login(ProtocolVersion::RESP3);
    assert_eq!(login.username(), Some("bob"));
    assert_eq!(login.password(), Some("two"));
    assert_eq!(login.db(), 3);
    assert_eq!(checked.address(), "localhost:7000");
    let nodelay = match checked.way() {
        Way::Plain(info) => info.tcp_settings().nodelay(),
        #[cfg(feature = "tls-rustls")]
        Way::Secure(_) => panic!("encrypted"),
    };
    assert!(nodelay);
    for secret in ["two", "one", "ann", "bob", "localhost"] {
        assert!(!shown.contains(secret), "{shown}");
        assert!(!format!("{checked:?}").contains(secret));
    }
}

#[cfg(not(feature = "tls-rustls"))]
#[test]
fn without_the_feature_a_url_that_asks_for_tls_is_refused() {
    for scheme in ["rediss", "valkeys"] {
        let refused = refusal(|s| s.url = format!("{scheme}://:hunter2@localhost"));
        assert!(refused.contains("`tls-rustls`"), "{refused}");
        assert!(!refused.contains("hunter2"));
    }
}
