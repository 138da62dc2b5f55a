//! The writer: one thread, one connection, group commit. One commit makes all that waited durable, and only then is
//! anybody answered. A job that fails leaves nothing behind: what a batch wrote with it is undone and written again, now
//! with a savepoint around each job. Most jobs that fail do so before they write, and most batches have none, so savepoints,
//! which copy every page that is touched, stay out of the way.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tracing::error;

use super::error::StoreError;
use super::readers::Idle;
use super::sqlite::Connection;
use super::tx::WriteTx;

const BATCH: usize = 64;
/// A commit that has worked for so long takes no further job: whoever waits behind it waits no longer.
const LONG: Duration = Duration::from_millis(20);
const QUEUE: usize = 1024;
/// From here on the log is copied into the database, so that its file is used again from the start: what there is by a
/// thread beside the writer, the little that came meanwhile by the writer itself, since the log begins anew only where a
/// commit finds all of it copied.
const RECYCLE_PAGES: u32 = 8000;
/// Where somebody still reads what is in the log, it is looked at again after so many more.
const AGAIN_PAGES: u32 = 2000;

/// A closure with its answer, its types forgotten: closures are boxed here and nowhere else.
trait Job: Send {
    /// Whether what it wrote stays.
    fn run(&mut self, tx: &WriteTx<'_>) -> bool;
    fn answer(self: Box<Self>, committed: &Result<(), StoreError>);
}

struct Asked<F, T, E> {
    work: F,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for Asked<F, T, E>
where
    T: Send,
    E: From<StoreError> + Send,
    F: Fn(&WriteTx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &WriteTx<'_>) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(tx)));
        let outcome = outcome.unwrap_or_else(|_| Err(StoreError::Panicked.into()));
        self.outcome.insert(outcome).is_ok()
    }

    fn answer(self: Box<Self>, committed: &Result<(), StoreError>) {
        let outcome = match committed {
            Ok(()) => self.outcome.unwrap_or_else(|| Err(StoreError::Closed.into())),
            Err(error) => Err(error.clone().into()),
        };
        // Whoever asked may have gone away; what was committed stays.
        drop(self.answer.send(outcome));
    }
}

pub(super) struct Writer {
    /// Empty once closed; the thread ends when it has done what was sent before.
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    is_failing: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// `lock` is held until the connection is closed.
    pub(super) fn start(path: &Path, connection: Connection, lock: File, idle: Arc<Idle>) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (recycle, asked) = blocking::sync_channel(1);
        let copied = Arc::<AtomicBool>::default();
        let (recycler, is_copied) = (Connection::open(path)?, Arc::clone(&copied));
        let recycler = spawn("store-recycle", move || {
            while asked.recv().is_ok() {
                report(recycler.checkpoint());
                is_copied.store(true, Ordering::Release);
            }
        })?;
        let is_failing = Arc::new(AtomicBool::new(false));
        let log = Log { recycle, idle, copied, is_asked: false, ask_from: RECYCLE_PAGES, is_copied: false };
        let desk = Desk { connection, waiting, log, is_failing: Arc::clone(&is_failing) };
        let thread = spawn("store-writer", move || {
            desk.work(recycler);
            drop(lock);
        })?;
        Ok(Self { queue: Mutex::new(Some(queue)), is_failing, thread: Mutex::new(Some(thread)) })
    }

    pub(super) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&WriteTx<'_>) -> Result<T, E> + Send + 'static,
    {
        let queue = self.lock().clone().ok_or(StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        queue.send(Box::new(Asked { work, outcome: None, answer })).await.map_err(|_| StoreError::Closed)?;
        drop(queue);
        answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// The last commit failed, for want of space for instance.
    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// Waits until all that was asked before is done and answered.
    pub(super) fn close(&self) {
        drop(self.lock().take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            super::join(thread);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<mpsc::Sender<Box<dyn Job>>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(StoreError::failed)
}

fn report(outcome: Result<(), StoreError>) {
    match outcome {
        // Two copies at once, or a reader in the way: the next one does it.
        Ok(()) | Err(StoreError::Busy) => {}
        Err(failed) => error!(error = &failed as &dyn std::error::Error, "The database failed beside a write"),
    }
}

/// What the writer's thread owns.
struct Desk {
    connection: Connection,
    waiting: mpsc::Receiver<Box<dyn Job>>,
    log: Log,
    is_failing: Arc<AtomicBool>,
}

/// What the writer knows of the write-ahead log.
struct Log {
    recycle: blocking::SyncSender<()>,
    idle: Arc<Idle>,
    /// The thread beside the writer has done what it was asked for.
    copied: Arc<AtomicBool>,
    is_asked: bool,
    ask_from: u32,
    /// All of it was copied after the last commit: it begins anew with the next one, if nobody looks at it.
    is_copied: bool,
}

impl Desk {
    fn work(mut self, recycler: JoinHandle<()>) {
        while let Some(job) = self.waiting.blocking_recv() {
            self.commit_with(job);
            self.recycle_log();
        }
        drop(self.log);
        super::join(recycler);
        report(self.connection.checkpoint_all());
    }

    /// Runs `first` and what waits behind it, commits, answers.
    fn commit_with(&mut self, first: Box<dyn Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        jobs.push(first);
        let committed = self.run(&mut jobs).and_then(|()| self.connection.execute("COMMIT", &[]).map(drop));
        if let Err(failed) = &committed {
            error!(error = failed as &dyn std::error::Error, "A write to the database failed");
            if self.connection.is_in_transaction() {
                report(self.connection.execute("ROLLBACK", &[]).map(drop));
            }
        }
        self.is_failing.store(committed.is_err(), Ordering::Relaxed);
        self.connection.generation.settle();
        for job in jobs {
            job.answer(&committed);
        }
    }

    /// An error here is one of the whole transaction.
    fn run(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> Result<(), StoreError> {
        if std::mem::take(&mut self.log.is_copied) {
            self.log.idle.let_go();
        }
        self.connection.execute("BEGIN IMMEDIATE", &[])?;
        let (mut next, begun) = (0, Instant::now());
        while let Some(job) = jobs.get_mut(next) {
            let before = self.connection.changes();
            let stays = job.run(&WriteTx::new(&self.connection));
            self.expect_transaction()?;
            if !stays && self.connection.changes() != before {
                self.connection.execute("ROLLBACK", &[])?;
                return self.run_apart(jobs);
            }
            next += 1;
            if next == jobs.len() && self.waiting.is_empty() {
                // Where the processor is short, whoever is about to ask runs first and shares this commit; elsewhere this
                // takes no time.
                thread::yield_now();
            }
            if next < BATCH && begun.elapsed() < LONG {
                jobs.extend(self.waiting.try_recv());
            }
        }
        Ok(())
    }

    /// The same jobs again, each in a savepoint of its own.
    fn run_apart(&self, jobs: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        self.connection.execute("BEGIN IMMEDIATE", &[])?;
        for job in jobs {
            self.connection.execute("SAVEPOINT job", &[])?;
            let stays = job.run(&WriteTx::new(&self.connection));
            self.expect_transaction()?;
            if !stays {
                self.connection.execute("ROLLBACK TO job", &[])?;
            }
            self.connection.execute("RELEASE job", &[])?;
        }
        Ok(())
    }

    /// The engine may give up a whole transaction (disk full): then nothing of the batch is left, and nothing more may be
    /// written, since each statement would be a transaction of its own.
    fn expect_transaction(&self) -> Result<(), StoreError> {
        if self.connection.is_in_transaction() {
            return Ok(());
        }
        Err(StoreError::failed(io::Error::other("the database gave up the transaction, for want of space perhaps")))
    }

    fn recycle_log(&mut self) {
        let (pages, log) = (self.connection.log_pages(), &mut self.log);
        if pages < RECYCLE_PAGES {
            log.ask_from = RECYCLE_PAGES;
        }
        // Nothing behind a picture that somebody keeps is copied.
        if log.is_asked && log.copied.swap(false, Ordering::Acquire) {
            log.idle.let_go();
            report(self.connection.checkpoint());
            (log.is_asked, log.ask_from, log.is_copied) = (false, pages + AGAIN_PAGES, true);
        } else if !log.is_asked && pages >= log.ask_from {
            log.idle.let_go();
            log.is_asked = log.recycle.try_send(()).is_ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::sync::{Barrier, Condvar};

    use tokio::task::JoinSet;

    use super::super::tests::{ids, insert, store};
    use super::super::{Store, WriteTx};
    use super::*;

    #[derive(Debug)]
    enum Failure {
        Refused,
        Store(StoreError),
    }

    impl From<StoreError> for Failure {
        fn from(error: StoreError) -> Self {
            Self::Store(error)
        }
    }

    /// Holds the writer until all jobs that belong into one commit have been asked for.
    async fn hold(store: &Store, gate: Arc<Barrier>) -> tokio::task::JoinHandle<Result<(), StoreError>> {
        let (store, inside) = (store.clone(), Arc::new((Mutex::new(false), Condvar::new())));
        let signal = Arc::clone(&inside);
        let held = tokio::spawn(async move {
            let work = move |_: &WriteTx<'_>| {
                // It runs again where a neighbour in its commit fails, and holds nobody then.
                if !std::mem::replace(&mut *signal.0.lock().unwrap(), true) {
                    signal.1.notify_all();
                    gate.wait();
                }
                Ok(())
            };
            store.write(work).await
        });
        let entered = tokio::task::spawn_blocking(move || {
            let started = inside.0.lock().unwrap();
            drop(inside.1.wait_while(started, |started| !*started).unwrap());
        });
        entered.await.unwrap();
        held
    }

    fn insert_into(tx: &WriteTx<'_>, id: &str) -> Result<usize, StoreError> {
        tx.execute("INSERT INTO things (id, n) VALUES (?1, 1)", &[id.into()])
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_refused_and_a_panicking_job_leave_nothing_behind_and_their_neighbours_stand() {
        let (_folder, store) = store();
        let gate = Arc::new(Barrier::new(2));
        let held = hold(&store, Arc::clone(&gate)).await;
        let refused = store.write(|tx| {
            insert_into(tx, "refused")?;
            Err::<(), _>(Failure::Refused)
        });
        let panicked = store.write(|tx| -> Result<(), Failure> {
            insert_into(tx, "panicked")?;
            panic!("as a bug would");
        });
        let release = tokio::task::spawn_blocking(move || gate.wait());
        let (first, refused, panicked, last) =
            tokio::join!(insert(&store, "first"), refused, panicked, insert(&store, "last"));
        release.await.unwrap();
        held.await.unwrap().unwrap();
        assert!(first.is_ok() && last.is_ok());
        assert!(matches!(refused, Err(Failure::Refused)));
        assert!(matches!(panicked, Err(Failure::Store(StoreError::Panicked))));
        assert_eq!(ids(&store).await, ["first", "last"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn jobs_that_wait_share_one_commit_and_see_each_other() {
        let (_folder, store) = store();
        let gate = Arc::new(Barrier::new(2));
        let held = hold(&store, Arc::clone(&gate)).await;
        let most = Arc::new(AtomicU32::new(0));
        let mut jobs = JoinSet::new();
        for n in 0..40 {
            let (store, most) = (store.clone(), Arc::clone(&most));
            jobs.spawn(async move {
                let work = move |tx: &WriteTx<'_>| {
                    insert_into(tx, &format!("{n:02}"))?;
                    // Nothing of a commit that is not finished is seen from outside, so what this sees more than a
                    // reader was written by neighbours in the same commit.
                    let seen = tx.find("SELECT count(*) AS n FROM things", &[], |row| row.get("n"))?;
                    most.fetch_max(seen.unwrap_or(0), Ordering::Relaxed);
                    Ok::<_, StoreError>(())
                };
                store.write(work).await
            });
        }
        while store.inner.writer.lock().as_ref().map_or(0, |queue| QUEUE - queue.capacity()) < 40 {
            tokio::task::yield_now().await;
        }
        assert!(ids(&store).await.is_empty());
        gate.wait();
        held.await.unwrap().unwrap();
        while let Some(done) = jobs.join_next().await {
            done.unwrap().unwrap();
        }
        assert_eq!((most.load(Ordering::Relaxed), ids(&store).await.len()), (40, 40));
    }

    #[tokio::test]
    async fn a_write_that_cannot_be_kept_fails_for_all_of_its_commit_and_the_next_one_works() {
        let (_folder, store) = store();
        let lost = store.write(|tx| {
            insert_into(tx, "lost")?;
            // Stands for a disk that is full: the engine gives up the whole transaction.
            tx.execute("ROLLBACK", &[])
        });
        assert!(matches!(lost.await, Err(StoreError::Failed(_))));
        assert!(store.inner.writer.is_failing());
        assert!(store.is_writable().await && !store.inner.writer.is_failing());
        insert(&store, "kept").await.unwrap();
        assert_eq!(ids(&store).await, ["kept"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_log_is_used_again_instead_of_growing() {
        let (folder, store) = store();
        let text = "x".repeat(100_000);
        for n in 0..400 {
            let params = [n.into(), (&text).into()];
            let sql = "INSERT INTO things (id, n, name) VALUES ('t' || ?1, 1, ?1 || ?2)";
            store.write(move |tx| tx.execute(sql, &params)).await.unwrap();
            // Whoever reads here keeps a picture until the next commit, which must not keep the log.
            let seen =
                store.read_here(|tx| tx.find("SELECT count(*) AS n FROM things", &[], |row| row.get::<i64>("n")));
            assert_eq!(seen.unwrap(), Some(i64::from(n) + 1));
        }
        let log = std::fs::metadata(folder.path().join("doorward.db-wal")).unwrap().len();
        // Each row takes some 50 pages, its index included: 20,000 in all.
        assert!(log < u64::from(RECYCLE_PAGES + 2 * AGAIN_PAGES) * 4096, "{log}");
        assert_eq!(ids(&store).await.len(), 400);
    }
}
