//! The command line: `--name value` pairs, and `--quick`.

use crate::Failure;

/// All figures, in the order in which they are measured.
pub(crate) const FIGURES: [&str; 2] = ["memory_uniform", "memory_hot_cell"];

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// Which figures.
    pub(crate) figures: Vec<String>,
    /// Sizes for a machine that only checks that everything runs.
    pub(crate) is_quick: bool,
    /// Cells.
    pub(crate) cells: u32,
    /// Requests that the ledger remembers all the while.
    pub(crate) retained: u64,
    /// Acts handed to the ledger at once.
    pub(crate) batch: usize,
    /// Seconds of measured work.
    pub(crate) seconds: f64,
    /// Another seed is another workload.
    pub(crate) seed: u64,
}

impl Arguments {
    /// `full` or `quick`, as the figures say.
    pub(crate) const fn size(&self) -> &'static str {
        if self.is_quick {
            "quick"
        } else {
            "full"
        }
    }
}

/// Reads the arguments; every one has a default.
pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Arguments, Failure> {
    let words: Vec<String> = words.collect();
    let is_quick = words.iter().any(|word| word == "--quick");
    let mut arguments = Arguments {
        figures: FIGURES.map(String::from).into(),
        is_quick,
        cells: if is_quick { 50_000 } else { 1_000_000 },
        retained: if is_quick { 100_000 } else { 4_000_000 },
        batch: 1_024,
        seconds: if is_quick { 0.5 } else { 6.0 },
        seed: 20_261_126,
    };
    let mut words = words.into_iter().filter(|word| word != "--quick");
    while let Some(name) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--figures" => arguments.figures = value.split(',').map(str::to_owned).collect(),
            "--cells" => arguments.cells = value.parse()?,
            "--retained" => arguments.retained = value.parse()?,
            "--batch" => arguments.batch = value.parse()?,
            "--seconds" => arguments.seconds = value.parse()?,
            "--seed" => arguments.seed = value.parse()?,
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    if arguments.cells < 1_000 || arguments.retained == 0 || arguments.batch == 0 {
        return Err("at least 1,000 cells, one retained request and one act a batch".into());
    }
    Ok(arguments)
}
