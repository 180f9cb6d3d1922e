use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The cable to Valkey: it can be pulled, and be slow.
#[derive(Debug)]
pub struct Cable {
    plugged: AtomicBool,
    delay_ms: AtomicU64,
    /// Changes whenever every connection is to break.
    cuts: watch::Sender<u64>,
}

impl Default for Cable {
    fn default() -> Self {
        Self { plugged: AtomicBool::new(true), delay_ms: AtomicU64::new(0), cuts: watch::Sender::new(0) }
    }
}

impl Cable {
    /// Breaks every connection; new ones are accepted.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Pulled, it breaks every connection and accepts none.
    pub fn plug(&self, plugged: bool) {
        self.plugged.store(plugged, Ordering::SeqCst);
        if !plugged {
            self.cut();
        }
    }

    /// Whatever passes, either way, waits so long.
    pub fn delay(&self, milliseconds: u64) {
        self.delay_ms.store(milliseconds, Ordering::SeqCst);
    }

    async fn carry(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = from.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let delay = self.delay_ms.load(Ordering::SeqCst);
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            to.write_all(&buffer[..length]).await?;
        }
    }
}

/// Connects whoever comes to a listener with the server at `host:port`, for ever.
pub async fn serve_valkey(listener: TcpListener, server: String, cable: std::sync::Arc<Cable>) -> Result<()> {
    loop {
        let (near, _) = listener.accept().await?;
        if !cable.plugged.load(Ordering::SeqCst) {
            continue;
        }
        let (server, cable, mut cuts) = (server.clone(), cable.clone(), cable.cuts.subscribe());
        tokio::spawn(async move {
            let Ok(far) = TcpStream::connect(&server).await else { return };
            if near.set_nodelay(true).and(far.set_nodelay(true)).is_err() {
                return;
            }
            let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
            // Whichever side ends first, and a cut, ends both.
            tokio::select! {
                _ = cable.carry(from_near, to_far) => (),
                _ = cable.carry(from_far, to_near) => (),
                _ = cuts.changed() => (),
            }
        });
    }
}
