//! Who signs, and what is signed, made anew for each test.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    date_time_ymd,
};

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Both in PEM.
pub(super) struct Identity {
    pub(super) cert: String,
    pub(super) key: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = called(name);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("good parameters"))
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// For hosts, by name or address.
    pub(super) fn signs(&self, hosts: &[&str]) -> Identity {
        self.signs_with(hosts, |_| {})
    }

    pub(super) fn signs_expired(&self, hosts: &[&str]) -> Identity {
        self.signs_with(hosts, |params| {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        })
    }

    fn signs_with(&self, hosts: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("good names");
        params.distinguished_name = called("of a test");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.0).expect("good parameters");
        Identity {
            cert: cert.pem(),
            key: key.serialize_pem(),
        }
    }
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}
