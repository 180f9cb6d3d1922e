//! Starts an emulator of AWS and Valkey in containers, runs a command that is told where they are, and ends them.
//!
//! `PRICESTREAM_EMULATOR=localstack` takes LocalStack, which wants a token in `LOCALSTACK_AUTH_TOKEN`; else it is MiniStack.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::SyncRunner;
use testcontainers::{GenericImage, ImageExt};

/// How long the emulator may take until it answers.
const PATIENCE: Duration = Duration::from_secs(120);

const AWS: u16 = 4_566;
const CACHE: u16 = 6_379;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().context("which command is to run while they are up? Give it as arguments")?;

    let emulator = std::env::var("PRICESTREAM_EMULATOR").unwrap_or_default();
    let (image, tag) = match &*emulator {
        "" | "docker" => ("ministackorg/ministack", "1.5.33"),
        "localstack" => ("localstack/localstack", "2026.3.0"),
        other => bail!("PRICESTREAM_EMULATOR is {other:?}: it may be docker (or absent), or localstack"),
    };
    let token = std::env::var("LOCALSTACK_AUTH_TOKEN").unwrap_or_default();
    if emulator == "localstack" && token.is_empty() {
        bail!("LocalStack wants a token: set LOCALSTACK_AUTH_TOKEN, or leave PRICESTREAM_EMULATOR away");
    }
    let valkey = GenericImage::new("valkey/valkey", "9.1")
        .with_exposed_port(CACHE.tcp())
        .with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"))
        .start()
        .context("Valkey does not start: does the engine of Docker run?")?;
    let aws = GenericImage::new(image, tag)
        .with_exposed_port(AWS.tcp())
        .with_env_var("MINISTACK_REGION", "eu-west-1")
        .with_env_var("LOCALSTACK_AUTH_TOKEN", token)
        .start()
        .with_context(|| format!("{image}:{tag} does not start"))?;
    let (aws_port, cache_port) = (aws.get_host_port_ipv4(AWS)?, valkey.get_host_port_ipv4(CACHE)?);
    wait_until_healthy(aws_port)?;

    let status = Command::new(program)
        .args(arguments)
        .env("PRICESTREAM_CLOUD_ENDPOINT", format!("http://127.0.0.1:{aws_port}"))
        .env("PRICESTREAM_CLOUD_CACHE", format!("redis://127.0.0.1:{cache_port}"))
        .status()
        .context("the command cannot be run")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn wait_until_healthy(port: u16) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if is_healthy(port).unwrap_or(false) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    bail!("the emulator does not answer after {} s", PATIENCE.as_secs())
}

fn is_healthy(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"GET /_localstack/health HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(head.ends_with(b"200"))
}
