//! `host demo --browser`: what it serves, to whom, and how it ends. The page's own tests cover the page.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;

use super::sandbox::{Ended, Running, Sandbox, wait_for};

const INDEX: &str = "<!doctype html><title>A page</title>";

/// A page that is served.
struct Page {
    sandbox: Sandbox,
    running: Running,
    address: String,
}

impl Page {
    fn serve() -> Self {
        let sandbox = Sandbox::new();
        for (name, bytes) in [
            ("index.html", INDEX.as_bytes()),
            ("classifier.wasm", b"\0asm"),
            ("app.js", b"export {};"),
            ("images.gz", &[0x1f, 0x8b]),
            ("model.zst", &[0x28, 0xb5, 0x2f, 0xfd]),
            ("parts/part.json", b"{}"),
            (".secret", b"hidden"),
            (".git/config", b"hidden"),
        ] {
            sandbox.write(&format!("target/browser/{name}"), bytes);
        }
        sandbox.write("outside.html", "outside");
        symlink("../../outside.html", sandbox.path("target/browser/link.html")).unwrap();
        let running = sandbox.start(&["demo", "--browser=target/browser", "--port", "0"]);
        let address = address(&sandbox);
        Self {
            sandbox,
            running,
            address,
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        let host = format!("Host: {}", self.address);
        self.say(&[&format!("{method} {path} HTTP/1.1"), &host, &headers.join("\r\n")])
    }

    /// A request, as it is typed here.
    fn say(&self, lines: &[&str]) -> Answer {
        let lines: Vec<_> = lines.iter().copied().filter(|line| !line.is_empty()).collect();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{}\r\nConnection: close\r\n\r\n", lines.join("\r\n")).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        Answer::new(&answer)
    }

    fn stop(self, signal: &str) -> Ended {
        self.running.signal(signal);
        self.running.end()
    }
}

/// Where it says that the page is.
fn address(sandbox: &Sandbox) -> String {
    wait_for("the page's address", || {
        let said = fs::read_to_string(sandbox.path("stdout")).unwrap();
        let address = said.strip_prefix("http://")?.strip_suffix("/\n")?;
        Some(address.to_owned())
    })
}

#[derive(Debug)]
struct Answer {
    status: u16,
    /// With names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn new(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let (first, headers) = head.split_once("\r\n").unwrap();
        let headers = headers.lines().map(|line| line.split_once(": ").unwrap());
        Self {
            status: first.split(' ').nth(1).unwrap().parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[test]
fn the_page_s_files_have_their_types_and_are_sent_as_they_lie_there() {
    let page = Page::serve();
    for (path, media_type, bytes) in [
        ("/", "text/html", INDEX.as_bytes()),
        ("/index.html?again", "text/html", INDEX.as_bytes()),
        ("/classifier.wasm", "application/wasm", b"\0asm"),
        ("/app.js", "text/javascript", b"export {};"),
        // The page unpacks these itself: no `content-encoding`, or the browser would.
        ("/images.gz", "application/gzip", &[0x1f, 0x8b]),
        ("/model.zst", "application/octet-stream", &[0x28, 0xb5, 0x2f, 0xfd]),
        ("/parts/part.json", "application/json", b"{}"),
    ] {
        let answer = page.ask("GET", path, &["Accept-Encoding: gzip, br, zstd"]);
        assert_eq!((answer.status, &*answer.body), (200, bytes), "{path}");
        assert_eq!(answer.header("content-type"), Some(media_type), "{path}");
        assert_eq!(answer.header("content-encoding"), None, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[test]
fn a_file_that_a_browser_has_already_is_not_sent_again_until_it_changes() {
    let page = Page::serve();
    let first = page.get("/app.js");
    let etag = format!("If-None-Match: {}", first.header("etag").unwrap());
    let again = page.ask("GET", "/app.js", &[&etag]);
    assert_eq!((again.status, again.body.len()), (304, 0), "{:?}", again.headers);
    page.sandbox.write("target/browser/app.js", "export { };");
    let changed = page.ask("GET", "/app.js", &[&etag]);
    assert_eq!((changed.status, &*changed.body), (200, &b"export { };"[..]));
}

#[test]
fn what_is_not_of_the_page_is_not_found() {
    let page = Page::serve();
    for path in [
        "/missing.js",
        "/parts/",
        "/index.html/",
        "/../../outside.html",
        "/%2e%2e/%2e%2e/outside.html",
        "/..%2f..%2foutside.html",
        "//../../outside.html",
        "/link.html",
        "/.secret",
        "/%2esecret",
        "/.git/config",
        "/parts/../.secret",
    ] {
        let answer = page.get(path);
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{path}");
    }
}

#[test]
fn it_is_read_and_never_written() {
    let page = Page::serve();
    let head = page.ask("HEAD", "/", &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(&*INDEX.len().to_string()));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(page.ask(method, "/", &["Content-Length: 0"]).status, 405, "{method}");
    }
}

#[test]
fn a_page_of_somebody_else_s_whose_name_leads_here_reads_nothing() {
    let page = Page::serve();
    let status = |host: &str| page.say(&["GET / HTTP/1.1", &format!("Host: {host}")]).status;
    for host in ["127.0.0.1", "localhost:8000"] {
        assert_eq!(status(host), 200, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "",
    ] {
        assert_eq!(status(host), 421, "'{host}'");
    }
    assert_eq!(page.say(&["GET / HTTP/1.0"]).status, 421);
}

#[test]
fn a_signal_is_the_end_that_is_meant_also_while_a_browser_is_connected() {
    for signal in ["INT", "TERM"] {
        let page = Page::serve();
        let _connected = TcpStream::connect(&page.address).unwrap();
        assert_eq!(page.get("/").status, 200);
        let expected = format!("http://{}/\n", page.address);
        let ended = page.stop(signal);
        assert_eq!(ended.code, Some(0), "{signal}: {}", ended.stderr);
        assert_eq!(String::from_utf8(ended.stdout).unwrap(), expected);
    }
}

#[test]
fn it_serves_on_when_nobody_hears_where() {
    let page = Page::serve();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let sandbox = &page.sandbox;
    let wait_until_it_serves = || {
        wait_for("it to serve", || {
            let log = fs::read_to_string(sandbox.path("stderr")).unwrap();
            log.contains("serving the page in").then_some(())
        });
    };
    // Both write into the same file, which the second empties.
    wait_until_it_serves();
    let running = sandbox.spawn(&["demo", "--browser=target/browser", "--port", "0"], writer.into());
    wait_until_it_serves();
    running.signal("INT");
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn a_folder_without_a_page_is_told_with_what_makes_one() {
    let sandbox = Sandbox::new();
    sandbox.write("empty/readme.txt", "no page");
    for (option, folder) in [
        ("--browser=missing", "'missing'"),
        ("--browser=empty", "'empty'"),
        ("--browser=empty/readme.txt", "'empty/readme.txt'"),
    ] {
        sandbox.refuse(
            3,
            &["demo", option],
            &[folder, "cargo xtask browser", "--browser=FOLDER"],
        );
    }
}

#[test]
fn a_port_that_is_asked_for_and_taken_is_told_and_one_that_is_not_asked_for_is_another() {
    let sandbox = Sandbox::new();
    sandbox.write("page/index.html", INDEX);
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    sandbox.refuse(3, &["demo", "--browser=page", "--port", &port], &[&port, "--port 0"]);

    // Taken by this test, or by somebody else already.
    let _taken = TcpListener::bind(("127.0.0.1", 8000));
    let running = sandbox.start(&["demo", "--browser=page"]);
    assert_ne!(address(&sandbox), "127.0.0.1:8000");
    running.signal("INT");
    let ended = running.end();
    ended.assert_says("port 8000 is in use");
}

#[test]
fn options_of_the_demo_that_the_page_would_ignore_are_refused() {
    let mut sandbox = Sandbox::new();
    for option in [
        ["--limit", "10"].as_slice(),
        &["--format", "json"],
        &["--model", "other.onnx"],
        &["--workers", "2"],
        &["--guest-memory", "1GiB"],
        &["--guest-timeout", "1s"],
        &["--no-cache"],
        &["--component", "other.wasm"],
    ] {
        let said = sandbox.fail(2, &[&["demo", "--browser"], option].concat());
        assert!(said.contains(option[0]) && said.contains("--browser"), "{said}");
    }
    let said = sandbox.fail(2, &["demo", "--port", "8000"]);
    assert!(said.contains("--browser"), "{said}");

    // A variable is not an option of this command, so the command gets as far as the missing page.
    sandbox.set("HOST_COMPONENT", "other.wasm");
    sandbox.fail(3, &["demo", "--browser=missing"]);
}
