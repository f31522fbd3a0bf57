//! Statements for many rows: one of them saves most of what as many would cost.

use super::place;

/// One statement in a few sizes, so that each stays prepared; the largest first.
pub(crate) struct Rows([(usize, String); 3]);

impl Rows {
    /// `sql` gets the list of rows, `(…), (…)`, as it stands behind VALUES.
    pub(crate) fn new(columns: usize, sql: impl Fn(&str) -> String) -> Self {
        Self([50, 8, 1].map(|rows| (rows, sql(&values(rows, columns)))))
    }

    /// The statements for these rows, each with the rows whose values it takes, in order.
    pub(crate) fn portions<'r, T>(&'static self, rows: &'r [T]) -> Vec<(&'static str, &'r [T])> {
        let mut left = rows;
        let mut portions = Vec::new();
        for (size, sql) in &self.0 {
            while let Some((some, behind)) = left.split_at_checked(*size) {
                portions.push((sql.as_str(), some));
                left = behind;
            }
        }
        portions
    }
}

fn values(rows: usize, columns: usize) -> String {
    let row = |nth: usize| {
        let places: Vec<String> = (1..=columns).map(|column| place(nth * columns + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}
