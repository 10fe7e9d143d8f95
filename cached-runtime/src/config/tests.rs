//! Settings, as they are read.

use std::env::VarError;

use super::*;

fn from(variables: &[(&str, &str)]) -> Result<CacheBuilder, Error> {
    overridden(CacheBuilder::new(), variables)
}

fn overridden(builder: CacheBuilder, variables: &[(&str, &str)]) -> Result<CacheBuilder, Error> {
    builder.overridden_by(|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found
            .map(|(_, value)| (*value).to_owned())
            .ok_or(VarError::NotPresent)
    })
}

#[cfg(unix)]
#[test]
fn r20_a_variable_that_is_not_unicode_is_not_shown() {
    use std::os::unix::ffi::OsStringExt;

    for name in ["CACHE_PASSWORD", "CACHE_URL"] {
        let secret = std::ffi::OsString::from_vec(b"redis://:hunter2\xff@localhost".to_vec());
        let builder = CacheBuilder::new().overridden_by(|variable| match variable {
            "CACHE_URL" | "CACHE_PASSWORD" if variable == name => {
                Err(VarError::NotUnicode(secret.clone()))
            }
            "CACHE_URL" => Ok("redis://localhost".to_owned()),
            _ => Err(VarError::NotPresent),
        });
        let error = builder.expect_err("it cannot be read");
        assert_eq!(error.to_string(), format!("`{name}` is not Unicode"));
        let (shown, source) = (format!("{error:?}"), std::error::Error::source(&error));
        assert!(!shown.contains("hunter2") && source.is_none(), "{shown}");
    }
}

#[test]
fn every_variable_reaches_its_setting() {
    let builder = from(&[
        ("CACHE_NAMESPACE", "shop"),
        ("CACHE_ENABLED", "off"),
        ("CACHE_LOCAL_CAPACITY", "7"),
        ("CACHE_LOCAL_CAPACITY_BYTES", "64 MiB"),
        ("CACHE_BACKGROUND_LOADS", "3"),
    ])
    .expect("good settings");
    let Settings {
        namespace,
        enabled,
        limits,
        background_loads,
        ..
    } = builder.settings;
    assert_eq!((&*namespace, enabled, background_loads), ("shop", false, 3));
    assert_eq!((builder.entries, limits.bytes), (Some(7), Some(64 << 20)));
}

#[test]
fn the_environment_has_the_last_word_and_leaves_the_rest() {
    let ours = CacheBuilder::new().namespace("shop").background_loads(5);
    let builder = overridden(ours.clone(), &[("CACHE_NAMESPACE", "test")]).expect("good");
    assert_eq!(builder.settings.namespace, "test");
    assert_eq!(builder.settings.background_loads, 5);
    let builder = overridden(ours, &[("CACHE_NAMESPACE", "")]).expect("good");
    assert_eq!(builder.settings.namespace, "shop");
}

#[test]
fn an_error_names_the_variable_and_what_it_takes() {
    for (name, value) in [
        ("CACHE_ENABLED", "maybe"),
        ("CACHE_LOCAL_CAPACITY", "-1"),
        ("CACHE_LOCAL_CAPACITY_BYTES", "64 mib"),
        ("CACHE_LOCAL_CAPACITY_BYTES", "99999999999999 GiB"),
        ("CACHE_BACKGROUND_LOADS", "many"),
    ] {
        let error = from(&[(name, value)]).expect_err(value).to_string();
        assert!(
            error.contains(name) && error.contains("expected"),
            "{error}"
        );
    }
}

#[cfg(not(feature = "redis"))]
#[test]
fn a_url_is_refused_and_not_repeated() {
    let error = from(&[("CACHE_URL", "redis://:secret@host")]).expect_err("no remote tier");
    assert!(error.to_string().contains("CACHE_URL") && !error.to_string().contains("secret"));
}

#[cfg(feature = "redis")]
#[test]
fn every_variable_of_the_store_reaches_its_setting() {
    let builder = from(&[
        ("CACHE_URL", "redis://:secret@host"),
        ("CACHE_USERNAME", "me"),
        ("CACHE_PASSWORD", "hidden"),
        ("CACHE_DATABASE", "3"),
        ("CACHE_READ_TIMEOUT", "70ms"),
        ("CACHE_WRITE_TIMEOUT", "2s"),
        ("CACHE_CONNECTIONS", "4"),
        ("CACHE_VERIFY_ROLE", "no"),
    ])
    .expect("good settings");
    let shown = format!("{builder:?}");
    assert!(
        !shown.contains("secret") && !shown.contains("hidden"),
        "{shown}"
    );
    let settings = builder.redis.settings();
    assert_eq!(settings.url, "redis://:secret@host");
    assert_eq!(settings.username.as_deref(), Some("me"));
    assert_eq!(settings.password.as_deref(), Some("hidden"));
    assert_eq!(settings.database, Some(3));
    assert_eq!(settings.read_timeout.as_millis(), 70);
    assert_eq!(settings.write_timeout.as_secs(), 2);
    assert_eq!((settings.connections, settings.verify_role), (4, false));
}

#[test]
fn what_is_out_of_bounds_is_an_error_with_the_name_of_its_variable() {
    for (name, value, said) in [
        ("CACHE_NAMESPACE", "a{b", "`namespace`"),
        ("CACHE_LOCAL_CAPACITY", "0", "`local_capacity`"),
        (
            "CACHE_LOCAL_CAPACITY_BYTES",
            "0MiB",
            "`local_capacity_bytes`",
        ),
        ("CACHE_UNSHARED_LOADS", "0", "`unshared_loads`"),
        ("CACHE_COHERENCE", "99ms", "`coherence`"),
        ("CACHE_AUDIT", "1.5", "`audit`"),
        ("CACHE_AUDIT", "NaN", "`audit`"),
    ] {
        let error = from(&[(name, value)]).expect_err(name).to_string();
        let begins = error.starts_with(&format!("`{name}`: "));
        assert!(begins && error.contains(said), "{error}");
    }
    for (name, value) in [("CACHE_COHERENCE", "strict"), ("CACHE_AUDIT", "1")] {
        assert!(from(&[(name, value)]).is_ok(), "{name}");
    }
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn what_is_wrong_with_the_store_is_said_and_its_password_is_not() {
    for (name, value, said) in [
        ("CACHE_URL", "http://:secret@host", "redis://"),
        #[cfg(not(feature = "tls-rustls"))]
        ("CACHE_URL", "rediss://:secret@host", "tls-rustls"),
        ("CACHE_URL", "rediss://:secret@host/#insecure", "verified"),
        ("CACHE_URL", "redis://:secret@host/secret", "cannot be read"),
        ("CACHE_URL", "redis://:secret@host/-1", "database"),
        ("CACHE_DATABASE", "-1", "database"),
        ("CACHE_READ_TIMEOUT", "fast", "expected"),
        ("CACHE_READ_TIMEOUT", "0", "1 ms"),
        ("CACHE_WRITE_TIMEOUT", "2h", "60 s"),
        ("CACHE_CONNECTIONS", "0", "connections"),
        ("CACHE_VERIFY_ROLE", "perhaps", "expected"),
    ] {
        // With a server and without: what is wrong is wrong before there is one.
        for first in [
            ("CACHE_NAMESPACE", "shop"),
            ("CACHE_URL", "redis://:secret@h"),
        ] {
            let error = from(&[(name, value), first]).expect_err(name).to_string();
            let named = error.starts_with(&format!("`{name}`"));
            assert!(named && error.contains(said), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
    let alone = [("CACHE_URL", "redis://host"), ("CACHE_USERNAME", "secret")];
    let error = from(&alone).expect("a password may follow").build().await;
    let error = error.expect_err("no password").to_string();
    assert!(
        error.contains("`CACHE_PASSWORD`") && !error.contains("secret"),
        "{error}"
    );
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn what_is_said_of_a_server_waits_until_there_is_one() {
    let described = [
        ("CACHE_USERNAME", "me"),
        ("CACHE_PASSWORD", "secret"),
        ("CACHE_DATABASE", "3"),
        ("CACHE_READ_TIMEOUT", "70ms"),
        ("CACHE_WRITE_TIMEOUT", "2s"),
        ("CACHE_CONNECTIONS", "4"),
        ("CACHE_VERIFY_ROLE", "no"),
    ];
    for one in described {
        let cache = from(&[one]).expect("good settings").build().await;
        assert!(cache.expect(one.0).shared().is_none());
    }
    let said = CacheBuilder::new().read_timeout(Duration::from_millis(70));
    assert!(said.clone().build().await.is_ok());
    assert_eq!(
        said.redis("redis://host")
            .redis
            .settings()
            .read_timeout
            .as_millis(),
        70
    );

    let wrong = CacheBuilder::new().read_timeout(Duration::ZERO);
    let error = wrong.build().await.expect_err("no time at all").to_string();
    assert_eq!(error, "`read_timeout` must be from 1 ms to 60 s");
    let wrong = CacheBuilder::new().connections(65).build().await;
    assert!(
        wrong
            .expect_err("too many")
            .to_string()
            .contains("connections")
    );
}

#[cfg(all(feature = "redis", feature = "tls-rustls"))]
#[tokio::test]
async fn variables_of_tls_reach_their_settings() {
    let variables = [
        ("CACHE_URL", "rediss://host"),
        ("CACHE_TLS_CA", "/no/ca"),
        ("CACHE_TLS_CERT", "/no/cert"),
        ("CACHE_TLS_KEY", "/no/key"),
    ];
    let builder = from(&variables).expect("text is fine");
    let settings = builder.redis.settings();
    assert!(settings.tls_ca.is_some() && settings.tls_cert.is_some() && settings.tls_key.is_some());
    let error = builder.build().await.expect_err("no such file").to_string();
    assert!(error.contains("CACHE_TLS_CA"), "{error}");
    let error = from(&[("CACHE_URL", "redis://host"), ("CACHE_TLS_KEY", "/no/key")]);
    let error = error
        .expect("text is fine")
        .build()
        .await
        .expect_err("plain");
    assert!(error.to_string().contains("rediss://"), "{error}");
    // Without a server there is nothing to be encrypted: they wait, like all that is said of one.
    let alone = from(&variables[1..]).expect("text is fine").build().await;
    assert!(alone.expect("no server").shared().is_none());
}

#[cfg(all(feature = "redis", not(feature = "tls-rustls")))]
#[test]
fn variables_of_tls_are_refused_where_there_is_none() {
    for name in ["CACHE_TLS_CA", "CACHE_TLS_CERT", "CACHE_TLS_KEY"] {
        let error = from(&[(name, "hidden")]).expect_err("no TLS").to_string();
        assert!(
            error.contains(name) && error.contains("tls-rustls"),
            "{error}"
        );
        assert!(!error.contains("hidden"), "{error}");
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    assert!(from(&[("CACHE_URL", ""), ("CACHE_ENABLED", "")]).is_ok());
}
