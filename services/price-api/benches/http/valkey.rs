//! Version-checked writes to Valkey or Redis beside what its own benchmark program reaches with a script that only compares and
//! writes; and a price read that is answered from there, beside a minimal handler that answers from memory. Writes are compared
//! by the CPU time of the server, which binds them: it has one thread.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use pricestream_aws::ValkeyCache;
use pricestream_domain::PriceVersion;
use pricestream_ports::memory::Memory;
use pricestream_ports::{Cache, CacheEntry, CacheWrite, IfAbsent, SettingsSnapshot};

use crate::measured::median;
use crate::price_read::{asked, entries, fixed, sku};
use crate::served::Served;
use crate::world::{hub, routes};
use crate::{count, report};

/// Rounds of each, by turns; the medians count.
const ROUNDS: usize = 5;

/// Writes of a round.
const WRITES: usize = 100_000;

/// SKUs that are written in turn.
const SKUS: usize = 20_000;

/// Commands under way at a time.
const IN_FLIGHT: usize = 64;

/// Requests of a connection in a round.
const REQUESTS: usize = 300;

/// The least of it: compares a version, writes two fields. No expiry, and nobody is told. It writes what is older too: the versions of
/// the benchmark program are random, and ours all are newer.
const LEAST: &str = "local v=redis.call('HGET',KEYS[1],'v') local newer=not v or tonumber(v)<tonumber(ARGV[1]) \
    redis.call('HSET',KEYS[1],'v',ARGV[1],'e',ARGV[2]) return newer and 1 or 0";

pub(crate) fn run(wanted: bool) {
    if !wanted {
        return;
    }
    let Some(server) = Server::start() else {
        println!("SKIPPED: the rows of Valkey (neither valkey-server nor redis-server is on PATH)");
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(writes(&server));
    reads(&server, &runtime);
}

async fn writes(server: &Server) {
    let Some(benchmark) = found(&["valkey-benchmark", "redis-benchmark"]) else {
        println!("SKIPPED: cache writes beside redis-benchmark (neither it nor valkey-benchmark is on PATH)");
        return;
    };
    let mut connection = Connection::to(server);
    let script = connection.ask(&["SCRIPT", "LOAD", LEAST]);
    let cache = ValkeyCache::connect(&server.url(), None).await.expect("it listens");
    let (mut rounds, mut version) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let least = connection.measured(|| {
            let of = WRITES.to_string();
            let command = ["-p", &server.port.to_string(), "-n", &of, "-c", "1", "-P", "64", "-r", &SKUS.to_string(), "-q"];
            let payload = "x".repeat(entry(0, 1).encode().len());
            let status = Command::new(&benchmark)
                .args(command)
                .args(["evalsha", &script, "1", "pv:__rand_int__", "__rand_int__", &payload])
                .stdout(Stdio::null())
                .status();
            assert!(status.expect("it starts").success());
        });
        version += 1;
        let first = version;
        let one_by_one = async {
            let writes = futures_util::stream::iter(0..WRITES).map(|number| {
                let (cache, entry) = (&cache, entry(number % SKUS, first * 10 + (number / SKUS) as u64));
                async move { cache.put_if_newer(&entry, IfAbsent::Write).await.expect("it listens") }
            });
            let applied = writes.buffer_unordered(IN_FLIGHT).filter(|write| std::future::ready(*write == CacheWrite::Applied));
            assert_eq!(applied.count().await, WRITES, "each is newer");
        };
        let one_by_one = connection.measured_async(one_by_one).await;
        version += 1;
        let many = async {
            for turn in 0..WRITES / SKUS {
                let entries: Vec<CacheEntry> = (0..SKUS).map(|number| entry(number, version * 10 + turn as u64)).collect();
                let written = cache.put_all_if_newer(&entries, IfAbsent::Write).await.expect("it listens");
                assert!(written.iter().all(|write| *write == CacheWrite::Applied), "each is newer");
            }
        };
        let many = connection.measured_async(many).await;
        rounds.push([least, one_by_one, many]);
    }
    cache.close().await;
    let middle = |which: usize, of: fn(&Cost) -> f64| median(rounds.iter().map(|round| of(&round[which])));
    for (which, name) in ["the benchmark program", "ours one by one", "ours many a call"].iter().enumerate() {
        let (cpu, rate) = (middle(which, |cost| cost.cpu_us), middle(which, |cost| cost.per_second));
        println!("version-checked writes, {name}: {cpu:.2} us of the server's CPU each, {rate:.0} per second");
    }
    let [least, ours, many] = [0, 1, 2].map(|which| 1e6 / middle(which, |cost| cost.cpu_us));
    let rates = |ours: f64| format!("{ours:.0} against {least:.0} per second of the server's CPU");
    let goal = "version-checked cache writes, one by one: at least 0.8 x redis-benchmark's EVALSHA (CPU time)";
    report(goal, &rates(ours), ours / least, 0.8);
    let goal = "version-checked cache writes, 100 a call: at least 2 x redis-benchmark's EVALSHA (CPU time)";
    report(goal, &rates(many), many / least, 2.0);
}

fn reads(server: &Server, runtime: &tokio::runtime::Runtime) {
    runtime.block_on(async {
        let cache = ValkeyCache::connect(&server.url(), None).await.expect("it listens");
        let entries: Vec<CacheEntry> = entries().collect();
        cache.put_all_if_newer(&entries, IfAbsent::Write).await.expect("it listens");
        cache.close().await;
    });
    let url = server.url();
    let ours = Served::start_with(async move || {
        let cache = ValkeyCache::connect(&url, None).await.expect("it listens");
        routes(cache, Memory::default(), SettingsSnapshot::frozen(), hub(1))
    });
    let fixed = Served::start(fixed());
    let rounds: Vec<_> = (0..ROUNDS).map(|_| [&fixed, &ours].map(|served| served.seconds_a_request(REQUESTS, asked))).collect();
    let [fixed, ours] = [0, 1].map(|which| 1.0 / median(rounds.iter().map(|round| round[which])));
    let goal = "price read with one Valkey read: at least 0.5 x a minimal axum handler from memory (CPU time)";
    report(goal, &format!("{ours:.0} against {fixed:.0} per CPU second"), ours / fixed, 0.5);
}

fn entry(number: usize, version: u64) -> CacheEntry {
    let entry = entries().next().expect("there are some");
    CacheEntry { sku: sku(number), price_version: PriceVersion(version), ..entry }
}

/// A program of one of these names on PATH.
fn found(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = names.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// A server of its own, which ends with the benchmark.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start() -> Option<Self> {
        let program = found(&["valkey-server", "redis-server"])?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port is free").port();
        let process = Command::new(program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .current_dir(std::env::temp_dir())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let server = Self { process, port };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "it does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _it_has_ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// What a write costs.
struct Cost {
    cpu_us: f64,
    per_second: f64,
}

/// A connection beside those that are measured.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn to(server: &Server) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", server.port)).expect("it listens")))
    }

    /// The text that is answered.
    fn ask(&mut self, words: &[&str]) -> String {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            write!(command, "${}\r\n{word}\r\n", word.len()).expect("text takes every write");
        }
        self.0.get_mut().write_all(command.as_bytes()).expect("it listens");
        let mut head = String::new();
        self.0.read_line(&mut head).expect("it answers");
        let length = head.trim_end().strip_prefix('$').and_then(|length| length.parse::<usize>().ok());
        let mut text = vec![0; length.unwrap_or_else(|| panic!("{head}")) + 2];
        self.0.read_exact(&mut text).expect("it answers");
        String::from_utf8(text).expect("it is text").trim_end().to_owned()
    }

    /// CPU seconds of the server so far.
    fn cpu(&mut self) -> f64 {
        let told = self.ask(&["INFO", "cpu"]);
        let of = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok()).expect("it is told");
        of("used_cpu_sys:") + of("used_cpu_user:")
    }

    fn measured(&mut self, work: impl FnOnce()) -> Cost {
        let (cpu, began) = (self.cpu(), Instant::now());
        work();
        self.cost(cpu, began)
    }

    async fn measured_async(&mut self, work: impl Future<Output = ()>) -> Cost {
        let (cpu, began) = (self.cpu(), Instant::now());
        work.await;
        self.cost(cpu, began)
    }

    fn cost(&mut self, cpu: f64, began: Instant) -> Cost {
        let seconds = began.elapsed().as_secs_f64();
        Cost { cpu_us: (self.cpu() - cpu) * 1e6 / count(WRITES), per_second: count(WRITES) / seconds }
    }
}
