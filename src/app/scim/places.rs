//! How much of one directory is in flight. What comes above it is told to come again, so that the push of one company leaves
//! memory and hands for everybody else. Whoever shows no good token takes no place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ScimCaller;
use crate::app::App;
use crate::app::error::{Error, Result};

/// Identity providers send some tens at once.
const REQUESTS: usize = 200;
/// Bytes of large bodies: two of the largest that are taken, or three pushes of 100,000 members.
const BYTES: usize = 32 * 1024 * 1024;
/// Longer bodies are large: they are counted by their bytes, and read apart from what others send. The number of requests
/// bounds all others.
pub(super) const LARGE: usize = 64 * 1024;
const RETRY_AFTER: u64 = 5;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Taken {
    requests: usize,
    bytes: usize,
}

/// By the numbers of directories.
type All = Arc<Mutex<HashMap<i64, Taken>>>;

fn lock(all: &All) -> MutexGuard<'_, HashMap<i64, Taken>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Default)]
pub struct Places(All);

/// What one request takes, until nothing works for it any more.
#[derive(Debug)]
pub struct Place {
    all: All,
    directory: i64,
    /// Of its body.
    bytes: Mutex<usize>,
}

impl Places {
    fn take(&self, directory: i64) -> Result<Place> {
        let mut all = lock(&self.0);
        let taken = all.entry(directory).or_default();
        if taken.requests >= REQUESTS {
            return Err(crowded(format!("{REQUESTS} requests of this directory are being answered already")));
        }
        taken.requests += 1;
        Ok(Place { all: Arc::clone(&self.0), directory, bytes: Mutex::default() })
    }
}

impl Place {
    fn hold(&self, length: usize) -> Result<()> {
        if length <= LARGE {
            return Ok(());
        }
        let mut mine = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let more = length.saturating_sub(*mine);
        let mut all = lock(&self.all);
        let taken = all.entry(self.directory).or_default();
        if taken.bytes + more > BYTES {
            let most = BYTES / (1024 * 1024);
            return Err(crowded(format!(
                "Large requests of this directory with {most} MiB are being answered already"
            )));
        }
        taken.bytes += more;
        *mine += more;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut all = lock(&self.all);
        let Some(taken) = all.get_mut(&self.directory) else { return };
        taken.requests = taken.requests.saturating_sub(1);
        taken.bytes = taken.bytes.saturating_sub(bytes);
        if taken.requests == 0 {
            all.remove(&self.directory);
        }
    }
}

fn crowded(why: String) -> Error {
    let text = format!("{why}, so nothing was changed. Send it again in {RETRY_AFTER} seconds, with fewer at once.");
    Error::Crowded { text, retry_after: RETRY_AFTER }
}

impl App {
    /// Gives the caller a place, if their directory has one left. Whatever works for the request holds it by the caller.
    pub fn enter_scim(&self, caller: &mut ScimCaller) -> Result<()> {
        caller.place = Some(Arc::new(self.scim_places.take(caller.directory.number)?));
        Ok(())
    }
}

impl ScimCaller {
    /// Room for a body that has so many bytes so far, or will have.
    pub fn hold_body(&self, length: usize) -> Result<()> {
        self.place.as_ref().map_or(Ok(()), |place| place.hold(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_crowded<T>(taken: Result<T>) -> bool {
        matches!(taken, Err(Error::Crowded { retry_after: RETRY_AFTER, .. }))
    }

    #[test]
    fn a_directory_has_so_many_places_and_gets_them_back() {
        let (places, one, other) = (Places::default(), 1, 2);
        let mut taken: Vec<Place> = (0..REQUESTS).map(|_| places.take(one).unwrap()).collect();
        assert!(is_crowded(places.take(one)));
        drop(places.take(other).unwrap());
        taken.pop();
        taken.push(places.take(one).unwrap());
        assert!(is_crowded(places.take(one)));
        drop(taken);
        assert!(lock(&places.0).is_empty(), "nothing is remembered of who is gone");
    }

    #[test]
    fn large_bodies_share_the_bytes_of_their_directory_and_short_ones_do_not() {
        let (places, id) = (Places::default(), 1);
        let [first, second, third] = [(); 3].map(|()| places.take(id).unwrap());
        first.hold(BYTES / 2).unwrap();
        // Told first, and then as it comes.
        first.hold(BYTES / 4).unwrap();
        second.hold(LARGE + 1).unwrap();
        second.hold(BYTES / 2).unwrap();
        assert!(is_crowded(third.hold(LARGE + 1)));
        third.hold(LARGE).unwrap();
        drop(first);
        third.hold(BYTES / 2).unwrap();
        assert!(is_crowded(second.hold(BYTES / 2 + 1)));
        drop((second, third));
        assert!(lock(&places.0).is_empty());
    }
}
