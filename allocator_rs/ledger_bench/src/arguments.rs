//! The command line: `--name value` pairs and two words without a value.

use std::path::PathBuf;

use crate::Failure;

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// Which figures, in this order.
    pub(crate) figures: Vec<String>,
    /// Sizes for a machine that only checks that everything runs.
    pub(crate) is_quick: bool,
    /// Cells.
    pub(crate) cells: u32,
    /// Requests that the ledger remembers all the while.
    pub(crate) retained: u64,
    /// Acts handed to the ledger or the engine at once.
    pub(crate) batch: usize,
    /// Batches that the engine has not answered yet, at most.
    pub(crate) in_flight: usize,
    /// Seconds of measured work.
    pub(crate) seconds: f64,
    /// Live reservations of the recovery.
    pub(crate) live: u64,
    /// Acts of the journal that is replayed.
    pub(crate) replayed: u64,
    /// Holds that are due together.
    pub(crate) due: u64,
    /// Cells and reservations whose memory is counted.
    pub(crate) footprint: (u32, u64),
    /// Cells of the large ledger whose cost per operation is compared.
    pub(crate) many_cells: u32,
    /// Where durable engines live.
    pub(crate) folder: PathBuf,
    /// Another seed is another workload.
    pub(crate) seed: u64,
    /// Durable rates: one round for each line of standard input.
    pub(crate) rounds_on_stdin: bool,
    /// Runs beside the acknowledgements: a program and its arguments.
    pub(crate) beside: Option<String>,
}

impl Arguments {
    /// The sizes that the goals are stated for, or smaller ones.
    fn sized(is_quick: bool) -> Self {
        let of = |full: u64, quick: u64| if is_quick { quick } else { full };
        Self {
            figures: Vec::new(),
            is_quick,
            cells: of(1_000_000, 50_000) as u32,
            retained: of(4_000_000, 100_000),
            batch: 1_024,
            in_flight: 4,
            seconds: if is_quick { 0.5 } else { 6.0 },
            live: of(10_000_000, 100_000),
            replayed: of(8_000_000, 200_000),
            due: of(1_000_000, 50_000),
            footprint: (of(5_000_000, 100_000) as u32, of(1_000_000, 20_000)),
            many_cells: of(20_000_000, 500_000) as u32,
            folder: ".benchmarks/ledger".into(),
            seed: 20_261_126,
            rounds_on_stdin: false,
            beside: None,
        }
    }

    /// `full` or `quick`, as the figures say.
    pub(crate) const fn size(&self) -> &'static str {
        if self.is_quick {
            "quick"
        } else {
            "full"
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match name {
            "--figures" => self.figures = value.split(',').map(str::to_owned).collect(),
            "--cells" => self.cells = value.parse()?,
            "--retained" => self.retained = value.parse()?,
            "--batch" => self.batch = value.parse()?,
            "--in-flight" => self.in_flight = value.parse()?,
            "--seconds" => self.seconds = value.parse()?,
            "--live" => self.live = value.parse()?,
            "--replayed" => self.replayed = value.parse()?,
            "--due" => self.due = value.parse()?,
            "--many-cells" => self.many_cells = value.parse()?,
            "--folder" => self.folder = value.into(),
            "--seed" => self.seed = value.parse()?,
            "--beside" => self.beside = Some(value.to_owned()),
            _ => return Err(format!("unknown argument {name}").into()),
        }
        Ok(())
    }
}

/// Reads the arguments; every one but `--figures` has a default.
pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Arguments, Failure> {
    let words: Vec<String> = words.collect();
    let mut arguments = Arguments::sized(words.iter().any(|word| word == "--quick"));
    let mut words = words.into_iter();
    while let Some(name) = words.next() {
        match name.as_str() {
            "--quick" => {}
            "--rounds-on-stdin" => arguments.rounds_on_stdin = true,
            _ => {
                let value = words.next();
                let value = value.ok_or_else(|| format!("{name} wants a value"))?;
                arguments.set(&name, &value)?;
            }
        }
    }
    let counts = [arguments.retained, arguments.batch as u64];
    if arguments.cells < 1_000 || arguments.in_flight == 0 || counts.contains(&0) {
        return Err("at least 1,000 cells, one retained request, one act, one in flight".into());
    }
    if arguments.figures.is_empty() {
        return Err("--figures wants at least one name".into());
    }
    Ok(arguments)
}
