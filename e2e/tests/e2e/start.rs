//! How a function starts: with everything that it needs, or not at all; and with TLS to its cache.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::process::{Lambda, Running, alone, program_of};
use crate::support::{Cloud, repository, until};

const FUNCTIONS: [&str; 6] =
    ["inventory-publisher", "pricing-calculator", "cache-writer", "low-stock-alert", "reconciler", "price-api"];

/// May be absent: the first two where the cache wants no IAM token, the next two where nothing is protected, then what is logged and
/// where traces go.
const OPTIONAL: [&str; 6] = [
    "PRICESTREAM_CACHE_USER",
    "PRICESTREAM_CACHE_NAME",
    "PRICESTREAM_ADMIN_TOKEN_SHA256",
    "PRICESTREAM_INGEST_TOKEN_SHA256",
    "PRICESTREAM_LOG",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// Names of the variables that a function reads, as code and Terraform share them.
fn variables_of(function: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("terraform/contract.json")).expect("the contract is there");
    let contract: Value = serde_json::from_str(&text).expect("the contract is JSON");
    let names = contract["variables"][function].as_array().expect("it names the variables of each function");
    names.iter().map(|name| name.as_str().expect("a name is text").to_owned()).collect()
}

/// What a program that does not start says, having taken no event.
fn refuses_to_start(program: &Path, variables: &[(String, String)]) -> String {
    let lambda = Lambda::giving("{}".to_owned());
    let output = alone(program, &lambda, variables).output().expect("the program can be run");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{} started: {said}", program.display());
    let asked = lambda.so_far();
    assert!(asked.iter().all(|(request, _)| !request.ends_with("/next")), "{} asked for an event: {asked:?}", program.display());
    said
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_function_without_its_variables_says_all_that_are_missing_and_takes_no_event() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let folder = cloud.folder("start");
    for function in FUNCTIONS {
        let Some(program) = program_of(function, &folder) else { return };
        let said = refuses_to_start(&program, &[]);
        let needed: Vec<String> = variables_of(function).into_iter().filter(|name| !OPTIONAL.contains(&name.as_str())).collect();
        assert!(needed.len() > 1, "{needed:?}");
        for name in needed {
            assert!(said.contains(&name), "{function} does not say that {name} is missing: {said}");
        }
    }
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_function_with_malformed_variables_says_what_is_wrong_with_each() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let folder = cloud.folder("start");
    let malformed = [
        ("PRICESTREAM_CACHE_URL", "http://cache:6379"),
        ("PRICESTREAM_ALERT_TOPIC", "low-stock"),
        ("PRICESTREAM_QUEUE_QUARANTINE", "quarantine"),
        ("PRICESTREAM_QUEUES", "pricing-calculator"),
        ("PRICESTREAM_INGEST_TOKEN_SHA256", "secret"),
    ];
    for function in FUNCTIONS {
        let Some(program) = program_of(function, &folder) else { return };
        let known = variables_of(function);
        let value = |name: &String| malformed.iter().find(|(wrong, _)| wrong == name).map_or("fine", |(_, value)| *value);
        let variables: Vec<(String, String)> = known.iter().map(|name| (name.clone(), value(name).to_owned())).collect();
        let said = refuses_to_start(&program, &variables);
        for (name, value) in malformed.iter().filter(|(name, _)| known.iter().any(|known| known == name)) {
            assert!(said.contains(name), "{function} does not say what is wrong with {name}={value}: {said}");
        }
    }
}

/// Valkey's package for Python speaks no TLS. Debian's Redis does: installed, or unpacked from its package without being installed,
/// once for all clouds that come up here.
fn redis_with_tls() -> Option<Command> {
    let folder = &repository().join(".local/cloud/redis");
    std::fs::create_dir_all(folder).expect("the folder of the cloud can be written");
    let works = |command: &mut Command| {
        let output = command.arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    };
    for name in ["redis-server", "valkey-server"] {
        if works(&mut Command::new(name)) {
            return Some(Command::new(name));
        }
    }
    let unpacked = folder.join("unpacked");
    let script = "set -e; mkdir -p unpacked; apt-get download redis-server redis-tools liblzf1 libjemalloc2 >&2; \
        for package in *.deb; do dpkg -x $package unpacked; done";
    if !unpacked.join("usr/bin/redis-server").exists() {
        let mut apt = Command::new("sh");
        apt.args(["-c", script]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        apt.status().ok().filter(std::process::ExitStatus::success)?;
    }
    let libraries = unpacked.join("usr/lib").read_dir().ok()?.flatten().map(|entry| entry.path()).find(|path| path.is_dir())?;
    let server = || {
        let mut command = Command::new(unpacked.join("usr/bin/redis-server"));
        command.env("LD_LIBRARY_PATH", &libraries);
        command
    };
    works(&mut server()).then(server)
}

/// A certificate authority, and a certificate of it for this machine: their files.
fn certificates(folder: &Path) -> Option<(PathBuf, PathBuf, PathBuf)> {
    let script = "set -e; export RANDFILE=.rnd
        openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=e2e-authority -keyout authority.key -out authority.pem \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
        openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\nextendedKeyUsage=serverAuth\\n' > server.ext
        openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 1 -extfile server.ext -out server.pem";
    let mut openssl = Command::new("sh");
    openssl.args(["-c", script]).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    openssl.status().ok().filter(std::process::ExitStatus::success)?;
    Some((folder.join("authority.pem"), folder.join("server.pem"), folder.join("server.key")))
}

#[test]
#[ignore = "needs the cloud of make cloud-up"]
fn a_price_reaches_a_cache_behind_tls_and_none_whose_certificate_nobody_vouches_for() {
    let Some(cloud) = Cloud::of_this_machine() else { return };
    let folder = cloud.folder("tls");
    let Some(program) = program_of("cache-writer", &folder) else { return };
    let Some(mut redis) = redis_with_tls() else {
        println!("skipped: there is no redis-server here, and none to be had by apt-get download");
        return;
    };
    let Some((authority, certificate, key)) = certificates(&folder) else {
        println!("skipped: there is no openssl here, to make certificates");
        return;
    };
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("there is a free port").port();
    redis.args(["--bind", "127.0.0.1", "--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "no", "--save", ""]);
    redis.arg("--tls-cert-file").arg(&certificate).arg("--tls-key-file").arg(&key).arg("--tls-ca-cert-file").arg(&authority);
    redis.args(["--requirepass", "over-tls"]).stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
    let _redis = Running(redis.spawn().expect("the server starts"));
    until("the server with TLS listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());

    // What the stream of the table would bring.
    let sku = cloud.new_items("tls", 1).remove(0);
    cloud.until_quiet();
    let image = raw_item(&cloud, &cloud.outputs().tables["prices"], &sku);
    let change =
        json!({ "SequenceNumber": "1", "StreamViewType": "NEW_IMAGE", "Keys": { "sku": { "S": sku } }, "NewImage": image });
    let source = "arn:aws:dynamodb:eu-west-1:000000000000:table/pricestream-local-prices/stream/2026-01-01T00:00:00.000";
    let record = json!({ "eventID": "1", "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1", "eventSourceARN": source, "dynamodb": change });
    let event = json!({ "Records": [record] }).to_string();
    let quarantine = &cloud.outputs().dead_letter_queues["quarantine"];
    // There, and empty: a folder of certificates that is not there is an error of its own.
    let nothing = folder.join("nothing");
    std::fs::create_dir_all(&nothing).expect("the folder can be written");
    let variables = |trusted: &Path| -> Vec<(String, String)> {
        let all = [
            ("PRICESTREAM_STAGE", "local".to_owned()),
            ("PRICESTREAM_TABLE_PRICES", cloud.outputs().tables["prices"].clone()),
            ("PRICESTREAM_QUEUE_QUARANTINE", quarantine.clone()),
            ("PRICESTREAM_CACHE_URL", format!("rediss://:over-tls@localhost:{port}")),
            ("AWS_ENDPOINT_URL", cloud.endpoint().to_owned()),
            ("SSL_CERT_FILE", trusted.display().to_string()),
            ("SSL_CERT_DIR", nothing.display().to_string()),
        ];
        all.map(|(name, value)| (name.to_owned(), value)).to_vec()
    };
    let lambda = Lambda::giving(event.clone());
    let started = alone(&program, &lambda, &variables(&authority)).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _writer = Running(started.expect("the program can be run"));
    let (request, answer) = lambda.answer();
    assert!(request.ends_with("/response"), "{request}: {answer}");
    assert!(!answer.contains("itemIdentifier"), "the record failed: {answer}");
    let script = "import socket, ssl, sys; _, port, authority, sku = sys.argv; \
        s = ssl.create_default_context(cafile=authority).wrap_socket(socket.create_connection(('localhost', int(port))), server_hostname='localhost'); \
        s.sendall(b'AUTH over-tls\\r\\nHGET px:{' + sku.encode() + b'} e\\r\\n'); s.settimeout(2); got = b''\n\
while got.count(b'\\r\\n') < 3: got += s.recv(65536)\n\
print(got.decode())";
    let mut client = Command::new("python3");
    let read = client.args(["-c", script, &port.to_string()]).arg(&authority).arg(&sku).output().expect("there is Python");
    let cached = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(cached.contains("\"minor\":1000"), "{cached} {}", String::from_utf8_lossy(&read.stderr));

    // The same server, and somebody who trusts another authority.
    let other = folder.join("another");
    std::fs::create_dir_all(&other).expect("the folder can be written");
    let (stranger, ..) = certificates(&other).expect("it worked a moment ago");
    let lambda = Lambda::giving(event);
    let started = alone(&program, &lambda, &variables(&stranger)).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut writer = Running(started.expect("the program can be run"));
    // Either it does not start, or it hands the record back.
    let outcome = until("the writer gives up", || {
        let ended = writer.0.try_wait().expect("it is a child").map(|status| format!("ended: {status}"));
        ended.or_else(|| lambda.so_far().into_iter().find(|(request, _)| request.starts_with("POST")).map(|(_, answer)| answer))
    });
    assert!(outcome.starts_with("ended") || outcome.contains("itemIdentifier") || outcome.contains("error"), "{outcome}");
}

/// An item as the table's stream has it: attributes with their types.
fn raw_item(cloud: &Cloud, table: &str, sku: &str) -> Value {
    let body = json!({ "TableName": table, "ConsistentRead": true, "Key": { "sku": { "S": sku } } }).to_string();
    let answer = ureq::post(cloud.endpoint())
        .header("x-amz-target", "DynamoDB_20120810.GetItem")
        .header("content-type", "application/x-amz-json-1.0")
        .send(&body)
        .and_then(|mut answer| answer.body_mut().read_to_string())
        .expect("the table can be read");
    let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
    answer["Item"].clone()
}
