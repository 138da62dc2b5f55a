//! The read pool: threads that each own a read-only connection and take the next read from one queue.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::error::StoreError;
use super::generation::Generation;
use super::sqlite::Connection;
use super::tx::ReadTx;

type Read = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Default)]
struct Waiting {
    reads: VecDeque<Read>,
    is_closed: bool,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while the lock is held; the state is whole in any case.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Read> {
        let mut waiting = self.lock();
        loop {
            if let Some(read) = waiting.reads.pop_front() {
                return Some(read);
            }
            if waiting.is_closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A connection for reads that are done by whoever asks.
struct Own {
    connection: Connection,
    /// The commit after which its open picture was taken. It is used again until the next commit: to open one costs as much as
    /// to find a row in it.
    picture: Option<u64>,
}

impl Own {
    fn let_go(&mut self) -> Result<(), StoreError> {
        if self.picture.take().is_some() {
            self.connection.execute("ROLLBACK", &[])?;
        }
        Ok(())
    }

    fn look(&mut self, commits: u64) -> Result<(), StoreError> {
        if self.picture == Some(commits) {
            return Ok(());
        }
        self.let_go()?;
        self.connection.execute("BEGIN", &[])?;
        self.picture = Some(commits);
        Ok(())
    }
}

/// Those that nobody uses now.
#[derive(Default)]
pub(super) struct Idle(Mutex<Vec<Own>>);

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Vec<Own>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends their pictures, which keep the write-ahead log from beginning anew.
    pub(super) fn let_go(&self) {
        self.lock().retain_mut(|own| own.let_go().is_ok());
    }
}

pub(super) struct Readers {
    queue: Arc<Queue>,
    idle: Arc<Idle>,
    path: PathBuf,
    generation: Arc<Generation>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    pub(super) fn start(
        path: &Path,
        name: &str,
        count: usize,
        generation: &Arc<Generation>,
    ) -> Result<Self, StoreError> {
        let (queue, idle, threads) = (Arc::default(), Arc::default(), Mutex::default());
        let readers = Self { queue, idle, path: path.to_owned(), generation: Arc::clone(generation), threads };
        for _ in 0..count {
            let connection = open(path, generation)?;
            let queue = Arc::clone(&readers.queue);
            let work = move || {
                while let Some(read) = queue.next() {
                    read(&connection);
                }
            };
            let thread = thread::Builder::new().name(name.to_owned()).spawn(work).map_err(StoreError::failed)?;
            readers.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(readers)
    }

    pub(super) async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let read: Read = Box::new(move |connection| {
            // Whoever asked may have gone away.
            drop(answer.send(in_one_picture(connection, &work)));
        });
        {
            let mut waiting = self.queue.lock();
            if waiting.is_closed {
                return Err(StoreError::Closed.into());
            }
            waiting.reads.push_back(read);
        }
        self.queue.changed.notify_one();
        answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// The same on the thread of the caller.
    pub(super) fn read_here<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: Fn(&ReadTx<'_>) -> Result<T, E>,
    {
        if self.queue.lock().is_closed {
            return Err(StoreError::Closed.into());
        }
        let commits = self.generation.commits();
        let idle = self.idle.lock().pop();
        let mut own = match idle {
            Some(own) => own,
            None => Own { connection: open(&self.path, &self.generation)?, picture: None },
        };
        own.look(commits)?;
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&ReadTx::new(&own.connection))));
        let outcome = outcome.unwrap_or_else(|_| Err(StoreError::Panicked.into()));
        if outcome.is_err() {
            own.let_go()?;
        }
        self.idle.lock().push(own);
        outcome
    }

    pub(super) fn idle(&self) -> Arc<Idle> {
        Arc::clone(&self.idle)
    }

    /// Ends the threads once the reads that wait are answered.
    pub(super) fn close(&self) {
        self.queue.lock().is_closed = true;
        self.idle.lock().clear();
        self.queue.changed.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            super::join(thread);
        }
    }
}

fn open(path: &Path, generation: &Arc<Generation>) -> Result<Connection, StoreError> {
    let mut connection = Connection::open_read_only(path)?;
    connection.generation = Arc::clone(generation);
    Ok(connection)
}

fn in_one_picture<T, E, F>(connection: &Connection, work: &F) -> Result<T, E>
where
    E: From<StoreError>,
    F: Fn(&ReadTx<'_>) -> Result<T, E>,
{
    connection.execute("BEGIN", &[])?;
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&ReadTx::new(connection))));
    let ended = connection.execute("ROLLBACK", &[]);
    let value = outcome.unwrap_or_else(|_| Err(StoreError::Panicked.into()))?;
    ended?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::super::StoreError;
    use super::super::tests::{ids, insert, store};

    #[tokio::test]
    async fn a_read_cannot_write_and_a_panic_leaves_the_pool_whole() {
        let (_folder, store) = store();
        let written = store.read(|tx| tx.has("INSERT INTO things (id, n) VALUES ('a', 1) RETURNING id", &[])).await;
        assert!(matches!(written, Err(StoreError::Failed(_))));
        for _ in 0..10 {
            let panicked = store.read(|_| -> Result<(), StoreError> { panic!("as a bug would") }).await;
            assert!(matches!(panicked, Err(StoreError::Panicked)));
        }
        assert!(ids(&store).await.is_empty());
    }

    #[tokio::test]
    async fn a_read_here_sees_what_was_committed_before_it_and_a_failed_one_leaves_nothing() {
        let (_folder, store) = store();
        let count =
            |tx: &super::ReadTx<'_>| tx.find("SELECT count(*) AS n FROM things", &[], |row| row.get::<i64>("n"));
        for n in 0..5 {
            assert_eq!(store.read_here(count).unwrap(), Some(n));
            assert_eq!(store.read_here(count).unwrap(), Some(n));
            let failed = store.read_here(|tx| tx.has("SELECT nothing FROM things", &[]));
            assert!(matches!(failed, Err(StoreError::Failed(_))));
            let panicked = store.read_here(|_| -> Result<(), StoreError> { panic!("as a bug would") });
            assert!(matches!(panicked, Err(StoreError::Panicked)));
            insert(&store, &format!("row {n}")).await.unwrap();
        }
        store.rest();
        assert_eq!(store.read_here(count).unwrap(), Some(5));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_read_sees_one_moment_while_others_write() {
        let (_folder, store) = store();
        let (entered, wait_for_entry) = std::sync::mpsc::channel();
        let (written, wait_for_write) = std::sync::mpsc::channel();
        let wait_for_write = std::sync::Mutex::new(wait_for_write);
        let reader = store.clone();
        let counts = tokio::spawn(async move {
            let work = move |tx: &super::ReadTx<'_>| {
                let count = || tx.find("SELECT count(*) AS n FROM things", &[], |row| row.get::<i64>("n"));
                let before = count()?;
                entered.send(()).unwrap();
                wait_for_write.lock().unwrap().recv().unwrap();
                Ok::<_, StoreError>((before, count()?))
            };
            reader.read(work).await
        });
        tokio::task::spawn_blocking(move || wait_for_entry.recv().unwrap()).await.unwrap();
        insert(&store, "meanwhile").await.unwrap();
        written.send(()).unwrap();
        assert_eq!(counts.await.unwrap().unwrap(), (Some(0), Some(0)));
        assert_eq!(ids(&store).await.len(), 1);
    }
}
