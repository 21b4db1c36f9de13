//! A proxy between hosts and a broker, which cuts connections in the middle of a message.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes everything on until a cut is due.
#[derive(Clone)]
pub struct Proxy {
    open: Arc<Mutex<Vec<TcpStream>>>,
    /// After this many more bytes, of all connections together, each is cut.
    left: Arc<AtomicUsize>,
    cuts: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens, and passes on to a port of this machine.
    pub fn start(listener: TcpListener, port: u16) -> Self {
        let proxy = Self {
            open: Arc::default(),
            left: Arc::new(AtomicUsize::new(usize::MAX)),
            cuts: Arc::default(),
        };
        let accepting = proxy.clone();
        // It ends with the test program.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                    continue;
                };
                accepting.pair(client, server);
            }
        });
        proxy
    }

    fn pair(&self, client: TcpStream, server: TcpStream) {
        let ends = [client.try_clone().unwrap(), server.try_clone().unwrap()];
        self.open.lock().unwrap().extend(ends);
        for (from, to) in [
            (client.try_clone().unwrap(), server.try_clone().unwrap()),
            (server, client),
        ] {
            let proxy = self.clone();
            thread::spawn(move || proxy.pass(from, to));
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let left = self.left.load(Ordering::Relaxed);
            let passed = length.min(left);
            if left != usize::MAX {
                self.left.fetch_sub(passed, Ordering::Relaxed);
            }
            if to.write_all(&buffer[..passed]).is_err() {
                break;
            }
            if passed < length {
                self.cut();
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    /// Lets this many bytes more through, then cuts every connection; new ones are whole.
    pub fn cut_after(&self, bytes: usize) {
        self.cuts.store(false, Ordering::Relaxed);
        self.left.store(bytes, Ordering::Relaxed);
    }

    /// Whether the connections were cut.
    pub fn has_cut(&self) -> bool {
        self.cuts.load(Ordering::Relaxed)
    }

    fn cut(&self) {
        self.left.store(usize::MAX, Ordering::Relaxed);
        for connection in self.open.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        self.cuts.store(true, Ordering::Relaxed);
    }
}
