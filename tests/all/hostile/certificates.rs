//! A certificate that cannot be trusted is refused with its reason, the wanted and the given names, and the dates; and
//! what can be done is said. A pin stands alone.

use super::server::{GREETING, Hears, PASSWORD, Silent, Step, Tls, USER, logged_in, on_loopback, says, secret_in};
use jiff::Timestamp;
use modori::edge::clock::Clock;
use modori::edge::config::Config;
use modori::edge::imap::{Dial, ImapError, Pace, Security, Session};
use modori::edge::tls::{self, Pin, Reason};
use modori::plan::Alert;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData as _};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::{self, pki_types};

/// A server's certificate and what a client needs to judge it.
struct Made {
    server: Arc<rustls::ServerConfig>,
    /// PEM of the authority, or of the certificate itself.
    ca: String,
    pin: Pin,
}

/// How a certificate is to be.
struct Wish<'a> {
    names: &'a [&'a str],
    /// Years: from and to the first of January.
    valid: (i32, i32),
    /// Signed by an authority; else by itself.
    signed: bool,
    /// It says that it is an authority's itself.
    authority: bool,
    key: Option<&'a KeyPair>,
}

const GOOD: Wish<'_> = Wish { names: &["localhost"], valid: (2020, 2090), signed: true, authority: false, key: None };

fn make(wish: &Wish<'_>) -> Made {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "An authority \u{202e}”. modori: all is well");
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);

    let own = KeyPair::generate().unwrap();
    let key = wish.key.unwrap_or(&own);
    let mut params =
        CertificateParams::new(wish.names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "server");
    params.not_before = rcgen::date_time_ymd(wish.valid.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(wish.valid.1, 1, 1);
    if wish.authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let certificate = if wish.signed { params.signed_by(key, &issuer) } else { params.self_signed(key) }.unwrap();
    let chain = vec![pki_types::CertificateDer::from(certificate.der().to_vec())];
    let der = pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, der)
        .unwrap();
    let digest = Sha256::digest(key.subject_public_key_info());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Made {
        server: Arc::new(server),
        ca: if wish.signed { ca_pem } else { certificate.pem() },
        pin: format!("sha256:{hex}").parse().unwrap(),
    }
}

fn saved(folder: &Path, pem: &str) -> PathBuf {
    let path = folder.join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    path
}

/// Opens a connection; the password must not have left in clear text, and must not have left at all when refused.
async fn try_login(host: &str, made: &Made, client: rustls::ClientConfig, starttls: bool) -> Result<(), ImapError> {
    let mut steps: Vec<Step> = Vec::new();
    let security = if starttls {
        steps.extend([
            says(GREETING),
            Hears("STARTTLS\r\n"),
            says("TAG OK begin\r\n"),
            Tls,
            Hears("CAPABILITY\r\n"),
            says("* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\nTAG OK done\r\n"),
        ]);
        steps.extend(logged_in().into_iter().skip(1));
        Security::StartTls
    } else {
        steps.push(Tls);
        steps.extend(logged_in());
        Security::Tls
    };
    steps.push(Silent);
    let server = Some(Arc::clone(&made.server));
    let (account, heard) = on_loopback(security, host, steps, server, client, Pace::default()).await;
    let opened = Session::open(&account).await.map(drop);
    assert_eq!(secret_in(&heard.wire()), None);
    assert_eq!(secret_in(&heard.plain()).is_some(), opened.is_ok(), "the password goes to a trusted server only");
    opened
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_certificate_names_its_reason_the_names_and_the_dates() {
    let folder = tempfile::tempdir().unwrap();
    let long: Vec<String> = (0..40).map(|n| format!("host-{n}.shop.example")).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    let cases: [(&str, Wish<'_>, bool, Reason, &[&str]); 9] = [
        (
            "another name",
            Wish { names: &["mail.example.com", "*.example.net"], ..GOOD },
            true,
            Reason::OtherName,
            &["not for localhost, but for “mail[.]example[.]com”, “*.example[.]net”", "as `host`"],
        ),
        (
            "many names",
            Wish { names: &long, ..GOOD },
            true,
            Reason::OtherName,
            &["“host-4[.]shop[.]example” and 35 more"],
        ),
        (
            "no name",
            Wish { names: &[], ..GOOD },
            true,
            Reason::OtherName,
            &["not for localhost, but for no name at all"],
        ),
        (
            "expired",
            Wish { valid: (2001, 2002), ..GOOD },
            true,
            Reason::Expired,
            &["expired on 2002-01-01 00:00 UTC", "valid from 2001-01-01", "for “localhost”", "clock"],
        ),
        (
            "not yet valid",
            Wish { valid: (2088, 2090), ..GOOD },
            true,
            Reason::NotYetValid,
            &["not valid before 2088-01-01 00:00 UTC", "until 2090-01-01", "clock"],
        ),
        (
            "self-signed",
            Wish { signed: false, ..GOOD },
            false,
            Reason::SelfSigned,
            &["signed by nobody but itself", "pin = \"sha256:", "`ca_file`", "2020-01-01"],
        ),
        (
            "self-signed, and an authority's",
            Wish { signed: false, authority: true, ..GOOD },
            false,
            Reason::SelfSigned,
            &["signed by nobody but itself", "pin = \"sha256:"],
        ),
        (
            "unknown issuer, whose name speaks in our voice",
            GOOD,
            false,
            Reason::UnknownIssuer,
            &["signed by “An authority '. modori: all is well”", "pin = \"sha256:", "to 2090-01-01"],
        ),
        (
            "expired, by an unknown issuer",
            Wish { valid: (2001, 2002), ..GOOD },
            false,
            Reason::Expired,
            &["expired on"],
        ),
    ];
    for (name, wish, trusted, reason, says) in cases {
        let made = make(&wish);
        for starttls in [false, true] {
            let ca = saved(folder.path(), &made.ca);
            let client = tls::client_config(trusted.then_some(ca.as_path())).unwrap();
            let error = try_login("localhost", &made, client, starttls).await.unwrap_err();
            assert!(error.what.starts_with("account `a`: localhost cannot be trusted: "), "{name}: {error}");
            for words in says {
                assert!(error.what.contains(words), "{name}: “{error}” should say “{words}”");
            }
            assert!(!error.what.contains(['\n', '\u{202e}']), "{name}: {error}");
            let trouble = error.tls.clone().unwrap();
            assert_eq!(trouble.reason, reason, "{name}");
            assert_eq!(trouble.key, Some(made.pin), "{name}: what to pin is told");
            assert!(trouble.not_before.is_some() && trouble.not_after.is_some(), "{name}");
        }
    }
    // an address is a name, too
    let made = make(&Wish { names: &["127.0.0.2"], ..GOOD });
    let ca = saved(folder.path(), &made.ca);
    let error = try_login("127.0.0.1", &made, tls::client_config(Some(&ca)).unwrap(), false).await.unwrap_err();
    assert!(error.what.contains("not for 127.0.0.1, but for “127[.]0[.]0[.]2”"), "{error}");
    // and what is as it should be is trusted
    let made = make(&GOOD);
    let ca = saved(folder.path(), &made.ca);
    for starttls in [false, true] {
        try_login("localhost", &made, tls::client_config(Some(&ca)).unwrap(), starttls).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_key_is_trusted_whatever_stands_beside_it_and_no_other_is() {
    let key = KeyPair::generate().unwrap();
    for wish in [
        Wish { signed: false, key: Some(&key), ..GOOD },
        Wish { signed: false, authority: true, names: &["router"], valid: (2001, 2002), key: Some(&key) },
        Wish { key: Some(&key), ..GOOD },
    ] {
        let made = make(&wish);
        for starttls in [false, true] {
            try_login("localhost", &made, tls::pinned_config(made.pin).unwrap(), starttls).await.unwrap();
        }
        // renewed with another key: refused, also where an authority that is trusted signed it
        let renewed = make(&Wish { key: None, ..wish });
        let error = try_login("localhost", &renewed, tls::pinned_config(made.pin).unwrap(), true).await.unwrap_err();
        let both = format!("pinned is {}, it shows {}", made.pin, renewed.pin);
        assert!(error.what.contains(&both), "{error}\nshould say {both}");
        let trouble = error.tls.unwrap();
        assert_eq!(
            (trouble.reason, trouble.pinned, trouble.key),
            (Reason::OtherKey, Some(made.pin), Some(renewed.pin))
        );
    }
}

/// The certificate of the pinned key, shown by a server that does not hold that key.
#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_certificate_that_was_copied_is_worth_nothing() {
    #[derive(Debug)]
    struct Copied(Arc<rustls::sign::CertifiedKey>);
    impl rustls::server::ResolvesServerCert for Copied {
        fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }
    let (key, thief) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let made = make(&Wish { signed: false, key: Some(&key), ..GOOD });
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "server");
    let certificate = params.self_signed(&key).unwrap();
    let der = pki_types::PrivateKeyDer::Pkcs8(thief.serialize_der().into());
    let signer = rustls::crypto::ring::sign::any_supported_type(&der).unwrap();
    let shown = rustls::sign::CertifiedKey::new(vec![certificate.der().clone()], signer);
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Copied(Arc::new(shown))));
    let forged = Made { server: Arc::new(server), ca: String::new(), pin: made.pin };
    let error = try_login("localhost", &forged, tls::pinned_config(made.pin).unwrap(), false).await.unwrap_err();
    assert!(error.what.contains("cannot be used"), "{error}");
}

/// What a channel says when it cannot deliver.
async fn undelivered(channel: &str) -> String {
    let config = Config::parse(Path::new("/nowhere/config.toml"), &format!("[channel.x]\n{channel}\n")).unwrap();
    let channels = modori::edge::out::channels(&config.channels, &Clock::simulated(Timestamp::UNIX_EPOCH)).unwrap();
    channels["x"].deliver(&Alert::default(), "key").await.unwrap_err().what
}

#[tokio::test(flavor = "multi_thread")]
async fn alert_channels_say_the_same_of_a_certificate() {
    let mail = "from = \"a@b.example\"\nto = [\"c@d.example\"]\nhost = \"localhost\"\nkind = \"smtp\"";
    let smtp = [
        says("220 mx ESMTP\r\n"),
        Hears("EHLO"),
        says("250-mx\r\n250 STARTTLS\r\n"),
        Hears("STARTTLS"),
        says("220 go on\r\n"),
        Tls,
        Silent,
    ];
    let expired = Wish { valid: (2001, 2002), ..GOOD };
    let other = Wish { names: &["mail.example.com"], ..GOOD };
    for (wish, words) in
        [(expired, "expired on 2002-01-01 00:00 UTC"), (other, "not for localhost, but for “mail[.]example[.]com”")]
    {
        let made = make(&wish);
        let folder = tempfile::tempdir().unwrap();
        let ca = saved(folder.path(), &made.ca);
        let ca = format!("ca_file = \"{}\"", ca.display());
        for (channel, steps) in [
            ("kind = \"webhook\"\nurl = \"https://localhost:PORT/\"", vec![Tls, Silent]),
            ("kind = \"ntfy\"\nserver = \"https://localhost:PORT\"\ntopic = \"t\"", vec![Tls, Silent]),
            (&format!("{mail}\nport = PORT"), vec![Tls, Silent]),
            (&format!("{mail}\nsecurity = \"starttls\"\nport = PORT"), smtp.to_vec()),
        ] {
            let client = tls::client_config(None).unwrap();
            let server = Some(Arc::clone(&made.server));
            let (account, _) = on_loopback(Security::Tls, "localhost", steps, server, client, Pace::default()).await;
            let Dial::Tcp { port, .. } = account.dial else { unreachable!() };
            let what = undelivered(&format!("{}\n{ca}", channel.replace("PORT", &port.to_string()))).await;
            assert!(what.contains("localhost cannot be trusted: its certificate"), "{channel}: {what}");
            assert!(what.contains(words), "{channel}: {what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn smtp_sends_no_password_and_no_mail_where_starttls_is_refused_or_stripped() {
    let hello = |can: &str| vec![says("220 mx ESMTP\r\n"), Hears("EHLO"), says(format!("250-mx\r\n250{can}\r\n"))];
    for (name, steps) in [
        ("stripped", hello("-AUTH PLAIN LOGIN\r\n250 SIZE 1000")),
        ("refused", [hello(" STARTTLS"), vec![Hears("STARTTLS"), says("454 4.7.0 not now\r\n"), Silent]].concat()),
        (
            "answered in clear text",
            [hello(" STARTTLS"), vec![Hears("STARTTLS"), says("220 go on\r\n250 AUTH PLAIN\r\n"), Silent]].concat(),
        ),
    ] {
        let client = tls::client_config(None).unwrap();
        let (account, heard) = on_loopback(Security::Tls, "localhost", steps, None, client, Pace::default()).await;
        let Dial::Tcp { port, .. } = account.dial else { unreachable!() };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, PASSWORD).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let what = undelivered(&format!(
            "kind = \"smtp\"\nhost = \"localhost\"\nport = {port}\nsecurity = \"starttls\"\nuser = \"{USER}\"\n\
             password = {{ file = \"{}\" }}\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\ntimeout = \"5s\"",
            file.display()
        ))
        .await;
        let wire = heard.wire();
        assert_eq!(secret_in(&wire), None, "{name}: {what}");
        assert!(!String::from_utf8_lossy(&wire).contains("MAIL FROM"), "{name}: {what}");
    }
}
