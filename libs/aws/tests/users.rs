//! The users of the cache, as Terraform makes them: each may do what its functions do, and no more.

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::io::{BufRead, BufReader, Write};
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

#[test]
fn each_user_may_do_what_its_functions_do_and_no_more() {
    let Some((_, url)) = cloud() else {
        eprintln!("SKIPPED: no cloud to test on; `make test-cloud` brings one up");
        return;
    };
    let (password, address) =
        url.trim_start_matches("redis://").rsplit_once('@').unwrap_or(("", url.trim_start_matches("redis://")));
    let mut connection = BufReader::new(TcpStream::connect(address).unwrap());
    if !password.is_empty() {
        assert_eq!(ask(&mut connection, &["AUTH", password.trim_start_matches(':')]), "+OK");
    }
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
