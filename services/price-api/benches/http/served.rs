//! A router behind a port, and what it costs its thread to answer.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use axum::Router;
use axum::routing::get;

use crate::count;
use crate::measured::cpu_seconds;

/// Connections of a served round; each has one request under way.
const CONNECTIONS: usize = 32;

/// Serves what `make` gives on a thread of its own until the process ends; `GET /cpu` answers the CPU seconds of that thread.
fn serve<F: AsyncFnOnce() -> Router + Send + 'static>(make: F) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(async move {
            let router = make().await.route("/cpu", get(|| async { cpu_seconds().to_string() }));
            listener.set_nonblocking(true).expect("a socket can be");
            let listener = tokio::net::TcpListener::from_std(listener).expect("it is one");
            axum::serve(listener, router).await.expect("it serves until the process ends");
        });
    });
    address
}

/// Connections to a served router.
pub(crate) struct Served {
    connections: RefCell<Vec<TcpStream>>,
}

impl Served {
    pub(crate) fn start(router: Router) -> Self {
        Self::start_with(async move || router)
    }

    /// The same of what is made on the serving thread.
    pub(crate) fn start_with<F: AsyncFnOnce() -> Router + Send + 'static>(make: F) -> Self {
        let address = serve(make);
        let connect = |_| TcpStream::connect(address).expect("it listens");
        Self { connections: RefCell::new((0..CONNECTIONS).map(connect).collect()) }
    }

    /// CPU seconds of the serving thread for one request, of `each` on every connection: parsing, handling, and the calls of the
    /// system. `request` gives the bytes of each by its number.
    pub(crate) fn seconds_a_request(&self, each: usize, request: impl Fn(usize) -> String) -> f64 {
        let mut connections = self.connections.borrow_mut();
        let mut buffer = vec![0; 65_536];
        let began = cpu_of(&mut connections[0], &mut buffer);
        for number in 0..each {
            for (place, connection) in connections.iter_mut().enumerate() {
                connection.write_all(request(number * CONNECTIONS + place).as_bytes()).expect("the server reads");
            }
            for connection in connections.iter_mut() {
                answer(connection, &mut buffer);
            }
        }
        (cpu_of(&mut connections[0], &mut buffer) - began) / count(each * CONNECTIONS)
    }
}

/// Reads one whole answer, which must be of success; gives its body's place.
fn answer<'a>(connection: &mut TcpStream, buffer: &'a mut [u8]) -> &'a [u8] {
    let mut read = 0;
    loop {
        read += connection.read(&mut buffer[read..]).expect("the server answers");
        let Some(head) = buffer[..read].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let headers = str::from_utf8(&buffer[..head]).expect("headers are text");
        assert!(headers.starts_with("HTTP/1.1 200"), "{headers}");
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("it is told");
        let whole = head + 4 + length.parse::<usize>().expect("it is a number");
        if read >= whole {
            assert_eq!(read, whole, "one answer for one question");
            return &buffer[head + 4..whole];
        }
    }
}

/// CPU seconds of the thread behind `connection`.
fn cpu_of(connection: &mut TcpStream, buffer: &mut [u8]) -> f64 {
    connection.write_all(b"GET /cpu HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("the server reads");
    str::from_utf8(answer(connection, buffer)).expect("it is text").parse().expect("it is a number")
}
