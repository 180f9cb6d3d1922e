use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// A connection to Valkey, for looking at what is there: no client's caching or reconnecting between.
pub(crate) struct Valkey {
    connection: BufReader<TcpStream>,
    pub(crate) password: String,
}

impl Valkey {
    /// At `redis://:password@host:port`.
    pub(crate) fn of_url(url: &str) -> Self {
        let (password, address) = url.trim_start_matches("redis://").split_once('@').unwrap_or(("", url));
        let connection = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        let mut valkey = Self { connection: BufReader::new(connection), password: password.trim_start_matches(':').to_owned() };
        let password = valkey.password.clone();
        valkey.ask(&["AUTH", &password]);
        valkey
    }

    /// What a command answers: nested only as deep as is needed here. An error is a panic.
    pub(crate) fn ask(&mut self, command: &[&str]) -> Option<String> {
        let parts = command.iter().map(|part| format!("${}\r\n{part}\r\n", part.len()));
        let text = format!("*{}\r\n{}", command.len(), parts.collect::<String>());
        self.connection.get_mut().write_all(text.as_bytes()).expect("Valkey takes a command");
        let mut line = String::new();
        self.connection.read_line(&mut line).expect("Valkey answers");
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "+" | ":" => Some(rest.to_owned()),
            "$" if rest == "-1" => None,
            "$" => {
                let mut bytes = vec![0; rest.parse::<usize>().expect("a length is a number") + 2];
                self.connection.read_exact(&mut bytes).expect("Valkey answers whole");
                bytes.truncate(bytes.len() - 2);
                Some(String::from_utf8(bytes).expect("it is text"))
            }
            _ => panic!("{command:?}: {line}"),
        }
    }

    /// The price of a SKU as the cache has it, in cents, with its version.
    pub(crate) fn price(&mut self, sku: &str) -> Option<(i64, u64)> {
        let entry: Value = serde_json::from_str(&self.ask(&["HGET", &format!("px:{{{sku}}}"), "e"])?).expect("an entry is JSON");
        Some((entry["price"]["minor"].as_i64()?, entry["price_version"].as_u64()?))
    }
}
