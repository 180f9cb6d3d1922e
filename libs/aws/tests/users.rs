//! The cache as others see it: its users, as Terraform makes them, each of whom may do what its functions do and no more; and what
//! subscribers of its channel are told.

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use pricestream_aws::ValkeyCache;
use pricestream_ports::{Cache, CacheEntry, CacheWrite, IfAbsent, contract};
use support::{block_on, cloud};

/// What Terraform lets each user do.
fn access(user: &str) -> Vec<String> {
    let terraform = include_str!("../../../terraform/modules/cache/users.tf");
    let line = terraform.lines().find_map(|line| line.trim().strip_prefix(user)?.trim().strip_prefix("= \"")?.strip_suffix('"'));
    line.unwrap_or_else(|| panic!("Terraform has no user {user}")).split(' ').map(str::to_owned).collect()
}

/// One command and its answer of one line.
fn ask(connection: &mut BufReader<TcpStream>, words: &[&str]) -> String {
    let to = connection.get_mut();
    write!(to, "*{}\r\n", words.len()).unwrap();
    for word in words {
        write!(to, "${}\r\n{word}\r\n", word.len()).unwrap();
    }
    let mut answer = String::new();
    connection.read_line(&mut answer).unwrap();
    answer.trim().to_owned()
}

/// A connection of the default user.
fn connect(url: &str) -> BufReader<TcpStream> {
    let url = url.trim_start_matches("redis://");
    let (password, address) = url.rsplit_once('@').unwrap_or(("", url));
    let mut connection = BufReader::new(TcpStream::connect(address).unwrap());
    if !password.is_empty() {
        assert_eq!(ask(&mut connection, &["AUTH", password.trim_start_matches(':')]), "+OK");
    }
    connection
}

/// The next text of that many bytes, after its length.
fn text(connection: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    connection.read_line(&mut head).unwrap();
    let length: usize = head.trim().strip_prefix('$').unwrap_or_else(|| panic!("{head}")).parse().unwrap();
    let mut text = vec![0; length + 2];
    connection.read_exact(&mut text).unwrap();
    String::from_utf8(text).unwrap().trim_end().to_owned()
}

#[test]
fn subscribers_are_told_what_was_written_together_a_line_each() {
    let Some((_, url)) = cloud() else {
        eprintln!("SKIPPED: no cloud to test on; `make test-cloud` brings one up");
        return;
    };
    let mut subscriber = connect(&url);
    subscriber.get_ref().set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    assert_eq!(ask(&mut subscriber, &["SUBSCRIBE", "ch:prices"]), "*3");
    assert_eq!([text(&mut subscriber), text(&mut subscriber)], ["subscribe", "ch:prices"]);
    let mut count = String::new();
    subscriber.read_line(&mut count).unwrap();
    // Other tests write at the same time: of what is told, that of this one counts.
    let mine = format!("CHANNEL-{}-", std::process::id());
    let entry = |place: u64, version: u64| CacheEntry {
        price_version: pricestream_domain::PriceVersion(version),
        ..contract::priced(&format!("{mine}{place}"), 1).0.cache_entry().expect("it has a price")
    };
    block_on(async {
        let cache = ValkeyCache::connect(&url, None).await.unwrap();
        cache.put_if_newer(&entry(1, 5), IfAbsent::Write).await.unwrap();
        // Older, equal, absent: nothing is told of these.
        for not_written in [entry(1, 4), entry(1, 5), entry(2, 1)] {
            cache.put_if_newer(&not_written, IfAbsent::Report).await.unwrap();
        }
        cache.put_all_if_newer(&[entry(1, 6), entry(1, 2), entry(3, 1)], IfAbsent::Write).await.unwrap();
        cache.close().await;
    });
    let mut told = Vec::new();
    while told.len() < 2 {
        let mut head = String::new();
        subscriber.read_line(&mut head).unwrap();
        assert_eq!(head.trim(), "*3");
        let [kind, channel, message] = std::array::from_fn(|_| text(&mut subscriber));
        assert_eq!((kind.as_str(), channel.as_str()), ("message", "ch:prices"));
        if message.contains(&mine) {
            told.push(message.lines().map(|line| CacheEntry::decode(line).unwrap()).collect::<Vec<_>>());
        }
    }
    assert_eq!(told, [vec![entry(1, 5)], vec![entry(1, 6), entry(3, 1)]]);
}

#[test]
fn each_user_may_do_what_its_functions_do_and_no_more() {
    let Some((_, url)) = cloud() else {
        eprintln!("SKIPPED: no cloud to test on; `make test-cloud` brings one up");
        return;
    };
    let address = url.rsplit(['@', '/']).next().unwrap();
    let mut connection = connect(&url);
    for user in ["writer", "reader"] {
        let access = access(user);
        let words = ["ACL", "SETUSER", user, "reset", ">of-a-test"].into_iter().chain(access.iter().map(String::as_str));
        assert_eq!(ask(&mut connection, &words.collect::<Vec<_>>()), "+OK", "{user}");
    }
    block_on(async {
        let connect =
            async |user: &str| ValkeyCache::connect(&format!("redis://{user}:of-a-test@{address}"), None).await.unwrap();
        let (writer, reader) = (connect("writer").await, connect("reader").await);
        let name = format!("USERS-{}", std::process::id());
        let entry = contract::priced(&name, 1).0.cache_entry().expect("it has a price");
        let newer = CacheEntry { price_version: entry.price_version.next(), ..entry.clone() };
        assert_eq!(writer.put_if_newer(&entry, IfAbsent::Report).await.unwrap(), CacheWrite::Absent);
        assert_eq!(
            writer.put_all_if_newer(&[entry.clone(), newer.clone()], IfAbsent::Write).await.unwrap(),
            [CacheWrite::Applied; 2]
        );
        assert_eq!(writer.get(&entry.sku).await.unwrap().as_deref(), Some(&newer));
        assert_eq!(reader.get(&entry.sku).await.unwrap().as_deref(), Some(&newer));
        reader.put_if_newer(&newer, IfAbsent::Write).await.unwrap_err();
        for cache in [&writer, &reader] {
            cache.wipe().await.unwrap_err();
            cache.seconds_left(&entry.sku).await.unwrap_err();
            cache.close().await;
        }
    });
    for user in ["writer", "reader"] {
        assert_eq!(ask(&mut connection, &["ACL", "DELUSER", user]), ":1");
    }
}
