//! Group commit against a commit each, and what a read costs beside its statement. Plain loops: the figures are rates
//! of many callers, which a sampler of single calls does not see. Medians of three; ratios are of one run.
#![expect(dead_code, unused_imports, reason = "the folders are compiled as they are, of which this uses a part")]

#[path = "../../src/crypto/mod.rs"]
mod crypto;
#[path = "../../src/model/mod.rs"]
mod model;
#[path = "../../src/store/mod.rs"]
mod store;

use std::sync::Arc;
use std::time::Instant;

use store::{Store, StoreError};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

const CALLERS: usize = 64;
const TABLE: &str = "CREATE TABLE IF NOT EXISTS bench (id TEXT PRIMARY KEY, n BIGINT NOT NULL, text TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO bench (id, n, text) VALUES (?1, ?2, ?3)";
const FIND: &str = "SELECT id, n, text FROM bench WHERE id = ?1";

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Processor time of this process in microseconds; the kernel counts in hundredths of a second.
fn processor_us() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> =
        stat.rsplit(") ").next().unwrap_or_default().split(' ').map(|field| field.parse().unwrap_or(0.0)).collect();
    (fields.get(11).unwrap_or(&0.0) + fields.get(12).unwrap_or(&0.0)) * 10_000.0
}

/// Writes a second; `turn` lets one caller in at a time, so that each has a commit of its own.
async fn writes(store: &Store, run: usize, each: usize, turn: Option<Arc<Mutex<()>>>) -> f64 {
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (store, turn) = (store.clone(), turn.clone());
        callers.spawn(async move {
            for n in 0..each {
                let params: [_; 3] = [format!("{run}-{caller}-{n}").into(), 1.into(), "x".repeat(200).into()];
                let _turn = match &turn {
                    Some(turn) => Some(turn.lock().await),
                    None => None,
                };
                store.write(move |tx| tx.execute(INSERT, &params)).await?;
            }
            Ok::<_, StoreError>(())
        });
    }
    while let Some(done) = callers.join_next().await {
        done.expect("a caller does not panic").expect("a write succeeds");
    }
    (CALLERS * each) as f64 / begun.elapsed().as_secs_f64()
}

/// Microseconds of wall clock and of processor a read, `callers` at a time.
async fn reads(store: &Store, callers: usize, each: usize, does_find: bool) -> (f64, f64) {
    let (begun, used) = (Instant::now(), processor_us());
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let store = store.clone();
        tasks.spawn(async move {
            for n in 0..each {
                let id = format!("0-1-{}", n % 10);
                let read = move |tx: &store::ReadTx<'_>| {
                    if !does_find {
                        return Ok(true);
                    }
                    let found = tx.find(FIND, &[(&id).into()], |row| row.get::<String>("text"))?;
                    Ok::<_, StoreError>(found.is_some())
                };
                assert!(store.read(read).await.expect("a read succeeds"));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a caller does not panic");
    }
    let count = (callers * each) as f64;
    (begun.elapsed().as_secs_f64() * 1e6 / count, (processor_us() - used) / count)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = std::env::temp_dir().join(format!("doorward-bench-{}", std::process::id()));
    let store = Store::open(&folder).expect("the store opens");
    store.write(|tx| tx.execute(TABLE, &[])).await.expect("the table is made");
    let (mut grouped, mut single, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..3 {
        grouped.push(writes(&store, 2 * run, 500, None).await);
        single.push(writes(&store, 2 * run + 1, 30, Some(Arc::default())).await);
        ratios.push(grouped[run] / single[run]);
    }
    println!(
        "writes a second, {CALLERS} callers: grouped {:.0}, a commit each {:.0}, ratio {:.1}",
        median(grouped),
        median(single),
        median(ratios)
    );
    for (name, does_find) in [("nothing", false), ("one row", true)] {
        for callers in [1, CALLERS] {
            let (mut wall, mut processor) = (Vec::new(), Vec::new());
            for _ in 0..3 {
                let figures = reads(&store, callers, 60_000 / callers, does_find).await;
                wall.push(figures.0);
                processor.push(figures.1);
            }
            println!(
                "read of {name}, {callers} callers: {:.1} us wall, {:.1} us processor",
                median(wall),
                median(processor)
            );
        }
    }
    store.close().await;
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}
