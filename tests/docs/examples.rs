//! The examples print what their index says, with a server and without.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use super::obtain::{Flavor, obtain};
use super::unpack::scratch;
use super::{files, name, read, root};

/// Where examples look for a server to start.
const BINARY: &str = "CACHE_ASIDE_REDIS_BIN";

#[test]
fn examples_print_what_their_index_says() {
    let index = read("examples/README.md");
    let (sections, without_server) = index
        .split_once("\n# Without a server\n")
        .expect("what is printed where there is no server");
    let server = server();
    let mut listed = BTreeSet::new();
    for section in sections.split("\n## ").skip(1) {
        let (example, says) = said(section);
        let command = format!("`cargo run --example {example}`");
        assert!(
            index.contains(&command),
            "{example} has no row with its command"
        );
        assert_eq!(prints(example, &server, None), says, "{example}");
        listed.insert(format!("examples/{example}.rs"));
    }
    let present = files("examples", "rs")
        .iter()
        .map(|path| name(path))
        .filter(|path| path.matches('/').count() == 1)
        .collect();
    assert_eq!(listed, present);

    let nowhere = scratch().join("no-such-server");
    let mut without = 0;
    for section in without_server.split("\n## ").skip(1) {
        let (example, says) = said(section);
        assert_eq!(prints(example, &nowhere, None), says, "{example}");
        without += 1;
    }
    assert_eq!(without, 3);
}

#[test]
fn applications_are_in_the_index() {
    let index = read("examples/README.md");
    let mut applications = 0;
    for manifest in files("examples", "toml") {
        let folder = manifest.parent().expect("a folder");
        if !folder.join("src/main.rs").exists() {
            continue;
        }
        let name = folder.file_name().expect("a name").to_string_lossy();
        assert!(read(&manifest).contains(&format!("\nname = \"{name}\"\n")));
        assert!(index.contains(&format!("({name}/README.md)")), "{name}");
        let command = format!("cargo run -p {name}");
        assert!(index.contains(&format!("`{command}`")), "{name}");
        assert!(read(folder.join("README.md")).contains(&command), "{name}");
        applications += 1;
    }
    assert!(applications > 0);
}

#[test]
fn what_the_index_of_examples_links_to_is_there() {
    let index = read("examples/README.md");
    let mut links = 0;
    for link in index.split("](").skip(1) {
        let link = link.split(')').next().unwrap_or("");
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let file = if file.is_empty() { "README.md" } else { file };
        let path = root().join("examples").join(file);
        assert!(path.exists(), "{link}");
        let found = heading.is_empty() || headings(&read(&path)).contains(heading);
        assert!(found, "no such heading: {link}");
        links += 1;
    }
    assert!(links > 50, "{links} links");
}

/// What links to the headings of a document end with.
fn headings(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    let text = headings.map(|heading| heading.trim_start_matches('#').trim().to_lowercase());
    text.map(|text| {
        let text = text.replace(' ', "-");
        text.replace(
            |sign: char| !sign.is_alphanumeric() && sign != '-' && sign != '_',
            "",
        )
    })
    .collect()
}

/// The example that a section is about, and what it prints.
fn said(section: &str) -> (&str, &str) {
    let (example, rest) = section.split_once('\n').expect("a name");
    let says = rest
        .split_once("```text\n")
        .and_then(|(_, rest)| rest.split_once("```"));
    (example, says.expect("what is printed").0)
}

fn prints(example: &str, server: &Path, url: Option<&str>) -> String {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--quiet", "--offline", "--example", example])
        .current_dir(root())
        .env(BINARY, server)
        .env_remove("CACHE_URL");
    if let Some(url) = url {
        command.env("CACHE_URL", url);
    }
    let output = command.output().expect("cargo runs");
    let prints = String::from_utf8(output.stdout).expect("UTF-8");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{example}: {prints}{errors}");
    prints.replace('\r', "")
}

/// A server that starts without being told where its libraries are.
fn server() -> PathBuf {
    static STARTER: OnceLock<PathBuf> = OnceLock::new();
    STARTER.get_or_init(starter).clone()
}

fn starter() -> PathBuf {
    let binary = obtain(Flavor::Any);
    let Some(libraries) = binary.libraries else {
        return binary.path;
    };
    let starter = scratch().join(format!("server-for-examples-{}", std::process::id()));
    let script = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH='{}' exec '{}' \"$@\"\n",
        libraries.display(),
        binary.path.display(),
    );
    fs::write(&starter, script).expect("a file below target/");
    let status = Command::new("chmod").arg("+x").arg(&starter).status();
    assert!(status.expect("chmod runs").success());
    starter
}

/// From 7.2 on; older servers refuse a user with a right to what they do not know.
fn knows_setinfo(version: &str) -> bool {
    let mut numbers = version
        .split('.')
        .map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(7), Some(2))
}

/// Ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_user_in_the_guide_has_the_rights_that_are_needed() {
    let guide = read("docs/guide/redis.md");
    let rule = guide
        .lines()
        .find_map(|line| line.strip_prefix("ACL SETUSER "));
    let rule = rule
        .expect("a user")
        .replace("shop:", "cache-aside-example:");
    let mut words: Vec<&str> = rule.split(' ').collect();
    if knows_setinfo(&obtain(Flavor::Any).version) {
        let more = guide.split('`').find(|text| *text == "+client|setinfo");
        words.extend(more);
    }
    let user = words[0];
    let password = words.iter().find_map(|word| word.strip_prefix('>'));

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("a port").port();
    drop(listener);
    let server = Command::new(server())
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--user"])
        .args(&words)
        .stdout(Stdio::null())
        .spawn();
    let _server = Running(server.expect("a server"));
    let admin = (0..500).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
    });
    let mut admin = admin.expect("the server listens");

    let password = password.expect("a password");
    let url = format!("redis://{user}:{password}@127.0.0.1:{port}");
    let index = read("examples/README.md");
    let section = index
        .split("\n## ")
        .find(|text| text.starts_with("redis\n"));
    let (example, says) = said(section.expect("a section"));
    assert_eq!(prints(example, Path::new(""), Some(&url)), says);

    // The log says what was refused; it is empty.
    admin.write_all(b"ACL LOG\r\n").expect("it is there");
    let limit = admin.set_read_timeout(Some(Duration::from_secs(10)));
    limit.expect("a limit");
    let refused: Vec<String> = BufReader::new(admin)
        .lines()
        .map_while(Result::ok)
        .scan(false, |ended, line| {
            (!std::mem::replace(ended, line == "*0")).then_some(line)
        })
        .take(40)
        .collect();
    assert_eq!(refused, ["*0"]);
}
