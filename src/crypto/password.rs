//! Passwords: argon2id in a bounded pool of its own. A hash takes 19 MiB and tens of milliseconds; on a shared pool a
//! flood of sign-ins would starve everything else and fill the memory. Here it meets a full queue instead.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use tokio::sync::oneshot;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::token;

const LEAST_CHARACTERS: usize = 15;
const MOST_BYTES: usize = 1024;
const QUEUE: usize = 64;
const WAIT: Duration = Duration::from_secs(3);
/// A thread that has had nothing to do for so long gives its memory back.
const IDLE: Duration = Duration::from_secs(60);
const OUTPUT: usize = 32;

/// Why a password cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    #[error("The password has {characters} characters. Choose one of at least {LEAST_CHARACTERS}, such as four words.")]
    Short { characters: usize },
    #[error("The password is too long. Choose one of at most {MOST_BYTES} bytes.")]
    Long,
}

pub fn check_strength(password: &str) -> Result<(), Weak> {
    let characters = password.chars().count();
    if characters < LEAST_CHARACTERS {
        return Err(Weak::Short { characters });
    }
    if password.len() > MOST_BYTES { Err(Weak::Long) } else { Ok(()) }
}

/// More sign-ins wait than can be served; nothing was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Too many people sign in at this moment. Try again in a few seconds.")]
pub struct Overloaded;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    pub ok: bool,
    /// The hash was made at another cost: hash the password again while it is at hand.
    pub needs_rehash: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Cost {
    /// OWASP's minimum for argon2id.
    pub const fn standard() -> Self {
        Self { memory_kib: 19_456, passes: 2 }
    }

    #[cfg(any(test, feature = "testing"))]
    pub const fn cheap() -> Self {
        Self { memory_kib: 16, passes: 1 }
    }

    fn params(self) -> Params {
        Params::new(self.memory_kib, self.passes, 1, Some(OUTPUT)).expect("the costs above are within argon2's bounds")
    }
}

/// The pool; clones share it.
#[derive(Clone)]
pub struct Hasher {
    pool: Arc<Pool>,
}

struct Pool {
    queue: Arc<Queue>,
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        self.queue.changed.notify_all();
    }
}

impl Hasher {
    pub fn new(cost: Cost) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::start(cost, (cores / 2).max(1), WAIT)
    }

    fn start(cost: Cost, threads: usize, wait: Duration) -> io::Result<Self> {
        let queue = Arc::new(Queue { cost, wait, waiting: Mutex::default(), changed: Condvar::new() });
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name("password".to_owned()).spawn(move || queue.work())?;
        }
        Ok(Self { pool: Arc::new(Pool { queue }) })
    }

    /// The PHC string to store.
    pub async fn hash(&self, password: String) -> Result<String, Overloaded> {
        let (answer, answered) = oneshot::channel();
        self.pool.queue.push(password, Task::Hash(answer))?;
        answered.await.map_err(|_| Overloaded)
    }

    /// Without a stored hash (nobody of that name, no password set) it takes as long and answers no.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<Checked, Overloaded> {
        let (answer, answered) = oneshot::channel();
        self.pool.queue.push(password, Task::Verify(stored, answer))?;
        answered.await.map_err(|_| Overloaded)
    }
}

enum Task {
    Hash(oneshot::Sender<String>),
    Verify(Option<String>, oneshot::Sender<Checked>),
}

impl Task {
    fn is_given_up(&self) -> bool {
        match self {
            Self::Hash(answer) => answer.is_closed(),
            Self::Verify(_, answer) => answer.is_closed(),
        }
    }
}

struct Work {
    asked: Instant,
    password: Zeroizing<String>,
    task: Task,
}

#[derive(Default)]
struct Waiting {
    works: VecDeque<Work>,
    is_closed: bool,
}

struct Queue {
    cost: Cost,
    wait: Duration,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

enum Next {
    Work(Work),
    Idle,
    Closed,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, password: String, task: Task) -> Result<(), Overloaded> {
        let password = Zeroizing::new(password);
        let mut waiting = self.lock();
        if waiting.works.len() >= QUEUE {
            return Err(Overloaded);
        }
        waiting.works.push_back(Work { asked: Instant::now(), password, task });
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// `Idle` when nothing comes for a while and there is memory to give back.
    fn next(&self, holds_memory: bool) -> Next {
        let mut waiting = self.lock();
        loop {
            if let Some(work) = waiting.works.pop_front() {
                return Next::Work(work);
            }
            if waiting.is_closed {
                return Next::Closed;
            }
            if holds_memory {
                let (back, waited) = self.changed.wait_timeout(waiting, IDLE).unwrap_or_else(PoisonError::into_inner);
                waiting = back;
                if waited.timed_out() && waiting.works.is_empty() {
                    return Next::Idle;
                }
            } else {
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn work(&self) {
        let mut memory = Vec::new();
        loop {
            match self.next(!memory.is_empty()) {
                // Late or given up: the sender is dropped, so whoever still waits learns that it was too much.
                Next::Work(work) if work.asked.elapsed() >= self.wait || work.task.is_given_up() => {}
                Next::Work(work) => self.answer(work, &mut memory),
                Next::Idle => memory = Vec::new(),
                Next::Closed => return,
            }
        }
    }

    fn answer(&self, work: Work, memory: &mut Vec<Block>) {
        let password = normalized(work.password);
        // Whoever asked may have gone away meanwhile; then there is nobody to tell.
        let _is_told = match work.task {
            Task::Hash(answer) => answer.send(hash(&password, self.cost, memory)).ok(),
            Task::Verify(stored, answer) => answer.send(verify(&password, stored.as_deref(), self.cost, memory)).ok(),
        };
    }
}

/// NFC, as RFC 8265 4.2 prescribes: the same letters typed on another system are the same password.
fn normalized(password: Zeroizing<String>) -> Zeroizing<String> {
    if password.is_ascii() { password } else { Zeroizing::new(password.nfc().collect()) }
}

fn hash(password: &str, cost: Cost, memory: &mut Vec<Block>) -> String {
    let (params, salt) = (cost.params(), token::random::<16>());
    let output = derive(password, &salt, &params, memory);
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).expect("three numbers fit"),
        salt: Some(Salt::new(&salt).expect("16 bytes are a salt")),
        hash: Some(Output::new(&output).expect("32 bytes are an output")),
    };
    hash.to_string()
}

fn verify(password: &str, stored: Option<&str>, cost: Cost, memory: &mut Vec<Block>) -> Checked {
    let no = Checked { ok: false, needs_rehash: false };
    let Some((params, salt, expected)) = stored.and_then(read) else {
        derive(password, &token::random::<16>(), &cost.params(), memory);
        return no;
    };
    let found = derive(password, &salt, &params, memory);
    if !token::equal(&found, expected.as_bytes()) {
        return no;
    }
    let wanted = cost.params();
    let is_current = (params.m_cost(), params.t_cost(), params.p_cost(), expected.len())
        == (wanted.m_cost(), wanted.t_cost(), wanted.p_cost(), OUTPUT);
    Checked { ok: true, needs_rehash: !is_current }
}

/// Only what this module writes, at whatever cost.
fn read(stored: &str) -> Option<(Params, Salt, Output)> {
    let hash = PasswordHash::new(stored).ok()?;
    let is_ours = hash.algorithm == ARGON2ID_IDENT && hash.version == Some(Version::V0x13.into());
    let params = is_ours.then(|| Params::try_from(&hash).ok())??;
    Some((params, hash.salt?, hash.hash?))
}

fn derive(password: &str, salt: &[u8], params: &Params, memory: &mut Vec<Block>) -> Zeroizing<Vec<u8>> {
    let mut output = Zeroizing::new(vec![0; params.output_len().unwrap_or(OUTPUT)]);
    if memory.len() < params.block_count() {
        memory.resize(params.block_count(), Block::new());
    }
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory)
        .expect("salt, output and memory have the sizes the parameters ask for");
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse battery staple";

    fn hasher() -> Hasher {
        Hasher::start(Cost::cheap(), 2, WAIT).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_verified_against_its_own_hash_only() {
        let hasher = hasher();
        let stored = hasher.hash(PASSWORD.to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=16,t=1,p=1$"), "{stored}");
        assert_ne!(stored, hasher.hash(PASSWORD.to_owned()).await.unwrap());
        let yes = hasher.verify(PASSWORD.to_owned(), Some(stored.clone())).await;
        assert_eq!(yes, Ok(Checked { ok: true, needs_rehash: false }));
        for (password, stored) in [("Correct horse battery staple", Some(stored)), (PASSWORD, None)] {
            let no = hasher.verify(password.to_owned(), stored).await;
            assert_eq!(no, Ok(Checked { ok: false, needs_rehash: false }));
        }
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_verified_and_wants_to_be_made_again() {
        let dear = Hasher::start(Cost { memory_kib: 64, passes: 2 }, 1, WAIT).unwrap();
        let stored = dear.hash(PASSWORD.to_owned()).await.unwrap();
        let checked = hasher().verify(PASSWORD.to_owned(), Some(stored)).await;
        assert_eq!(checked, Ok(Checked { ok: true, needs_rehash: true }));
    }

    #[tokio::test]
    async fn what_is_not_a_hash_of_ours_is_never_right() {
        let hasher = hasher();
        for stored in
            ["", "plain", "$argon2i$v=19$m=16,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo", "$argon2id$v=19$m=16,t=1,p=1"]
        {
            let checked = hasher.verify(PASSWORD.to_owned(), Some(stored.to_owned())).await.unwrap();
            assert!(!checked.ok, "{stored}");
        }
    }

    #[tokio::test]
    async fn letters_typed_in_another_way_are_the_same_password() {
        let hasher = hasher();
        let stored = hasher.hash("vier Wörter über alles".to_owned()).await.unwrap();
        let typed = "vier Wo\u{308}rter u\u{308}ber alles".to_owned();
        assert!(hasher.verify(typed, Some(stored)).await.unwrap().ok);
    }

    #[tokio::test]
    async fn a_full_queue_and_a_long_wait_are_told_at_once() {
        let stuck = Hasher::start(Cost::cheap(), 0, WAIT).unwrap();
        let waiting = || {
            let (answer, answered) = oneshot::channel();
            (stuck.pool.queue.push(PASSWORD.to_owned(), Task::Hash(answer)), answered)
        };
        let kept: Vec<_> = (0..QUEUE).map(|_| waiting()).collect();
        assert!(kept.iter().all(|(pushed, _)| pushed.is_ok()));
        assert_eq!(stuck.verify(PASSWORD.to_owned(), None).await, Err(Overloaded));
        let late = Hasher::start(Cost::cheap(), 1, Duration::ZERO).unwrap();
        assert_eq!(late.hash(PASSWORD.to_owned()).await, Err(Overloaded));
    }

    #[test]
    fn fifteen_characters_are_enough_and_a_kibibyte_is_the_most() {
        assert_eq!(check_strength("äöüäöüäöüäöüäöü"), Ok(()));
        assert_eq!(check_strength("fourteen chars"), Err(Weak::Short { characters: 14 }));
        assert_eq!(check_strength(&"x".repeat(1024)), Ok(()));
        assert_eq!(check_strength(&"x".repeat(1025)), Err(Weak::Long));
    }

    #[test]
    fn the_standard_cost_is_owasps_minimum() {
        let stored = hash(PASSWORD, Cost::standard(), &mut Vec::new());
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    }
}
