//! Single flight: callers who ask the same at the same time wait for one answer.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Questions under way.
#[derive(Debug)]
pub(crate) struct Flights<T> {
    under_way: Mutex<HashMap<String, Arc<OnceCell<T>>>>,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self { under_way: Mutex::new(HashMap::new()) }
    }
}

impl<T: Clone> Flights<T> {
    /// The answer to `key`: of whoever asks already, else of `ask`. When the one who asks gives up, the next in line
    /// asks.
    pub(crate) async fn ask<F: Future<Output = T>>(&self, key: String, ask: impl FnOnce() -> F) -> T {
        let seat = Seat { flights: self, cell: self.cell(&key), key };
        seat.cell.get_or_init(ask).await.clone()
    }

    fn cell(&self, key: &str) -> Arc<OnceCell<T>> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(under_way.entry(key.to_owned()).or_default())
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.under_way.lock().unwrap().len()
    }
}

/// A place on a flight; leaving it ends the flight when the answer is there, or nobody is left.
struct Seat<'a, T> {
    flights: &'a Flights<T>,
    cell: Arc<OnceCell<T>>,
    key: String,
}

impl<T> Drop for Seat<'_, T> {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = under_way.get(&self.key).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
        // Two owners: the table and this seat.
        if mine && (self.cell.initialized() || Arc::strong_count(&self.cell) == 2) {
            under_way.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn those_who_ask_together_share_one_answer() {
        let flights = Arc::new(Flights::<usize>::default());
        let asked = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..50)
            .map(|_| {
                let (flights, asked) = (Arc::clone(&flights), Arc::clone(&asked));
                tokio::spawn(async move {
                    let ask = || async {
                        tokio::task::yield_now().await;
                        asked.fetch_add(1, Ordering::SeqCst)
                    };
                    flights.ask("a".to_owned(), ask).await
                })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), 0);
        }
        assert_eq!((asked.load(Ordering::SeqCst), flights.len()), (1, 0));
    }

    #[tokio::test]
    async fn one_who_gives_up_leaves_nothing_behind() {
        let flights = Flights::<usize>::default();
        let never = flights.ask("a".to_owned(), std::future::pending);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1), never).await.is_err());
        assert_eq!(flights.len(), 0);
        assert_eq!(flights.ask("a".to_owned(), || async { 7 }).await, 7);
    }
}
