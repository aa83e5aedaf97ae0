//! Time, read in one place. `SystemClock` is for service, `ScaledClock` for a demo whose day passes
//! faster.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{clock_gettime, ClockId};

/// Where the engine reads time.
pub trait Clock: Send + Sync {
    /// Wall time, Unix ms: for what is shown to people.
    fn wall_ms(&self) -> i64;

    /// Ms since the clock was made: never goes back, and counts the time that the machine slept.
    fn elapsed_ms(&self) -> i64;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    made_ms: i64,
}

impl SystemClock {
    /// Starts to count.
    #[must_use]
    pub fn new() -> Self {
        Self { made_ms: boot_ms() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> i64 {
        real_wall_ms()
    }

    fn elapsed_ms(&self) -> i64 {
        boot_ms().saturating_sub(self.made_ms)
    }
}

/// A clock that starts at a chosen time and runs faster or slower than the machine's.
#[derive(Debug)]
pub struct ScaledClock {
    origin_ms: i64,
    scale: f64,
    passed_before_ms: i64,
    made: Instant,
}

impl ScaledClock {
    /// A clock at `origin_ms` (Unix ms) that passes `scale` ms in each real one.
    ///
    /// With a `path` the clock remembers origin, scale and real start in that file: opened again,
    /// it goes on where it would be by now, whatever origin and scale are passed then.
    ///
    /// # Errors
    /// `InvalidInput` for a scale that is not a finite number above 0; `InvalidData` for a file
    /// that is none of ours; what the file system says.
    pub fn open(origin_ms: i64, scale: f64, path: Option<&Path>) -> io::Result<Self> {
        let asked = Remembered {
            origin_ms,
            scale,
            start_ms: real_wall_ms(),
        };
        asked.check(io::ErrorKind::InvalidInput)?;
        let known = match path {
            None => asked,
            Some(path) => match fs::read_to_string(path) {
                Ok(text) => Remembered::parse(&text)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    asked.write(path)?;
                    asked
                }
                Err(error) => return Err(error),
            },
        };
        Ok(Self {
            origin_ms: known.origin_ms,
            scale: known.scale,
            passed_before_ms: real_wall_ms().saturating_sub(known.start_ms).max(0),
            made: Instant::now(),
        })
    }

    fn real_passed_ms(&self) -> f64 {
        self.made.elapsed().as_secs_f64() * 1_000.0
    }
}

impl Clock for ScaledClock {
    // A float holds whole ms exactly for 285,000 years; only the demo's clock passes through one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "see above"
    )]
    fn wall_ms(&self) -> i64 {
        let passed = (self.passed_before_ms as f64 + self.real_passed_ms()) * self.scale;
        self.origin_ms.saturating_add(passed as i64)
    }

    #[expect(clippy::cast_possible_truncation, reason = "ms since start fit")]
    fn elapsed_ms(&self) -> i64 {
        (self.real_passed_ms() * self.scale) as i64
    }
}

/// What a scaled clock keeps in its file: one line, `origin_ms scale start_ms`.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    origin_ms: i64,
    scale: f64,
    start_ms: i64,
}

impl Remembered {
    fn check(&self, kind: io::ErrorKind) -> io::Result<()> {
        if self.scale.is_finite() && self.scale > 0.0 {
            return Ok(());
        }
        Err(io::Error::new(
            kind,
            "a time scale is a finite number above 0",
        ))
    }

    fn parse(text: &str) -> io::Result<Self> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "not a clock file of bopis");
        let mut words = text.split_whitespace();
        let mut next = || words.next().ok_or_else(wrong);
        let origin_ms = next()?.parse().map_err(|_| wrong())?;
        let scale = next()?.parse().map_err(|_| wrong())?;
        let start_ms = next()?.parse().map_err(|_| wrong())?;
        let known = Self {
            origin_ms,
            scale,
            start_ms,
        };
        known.check(io::ErrorKind::InvalidData)?;
        Ok(known)
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let aside = path.with_extension("aside");
        let mut file = fs::File::create(&aside)?;
        writeln!(file, "{} {} {}", self.origin_ms, self.scale, self.start_ms)?;
        file.sync_all()?;
        fs::rename(&aside, path)
    }
}

fn real_wall_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn boot_ms() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec
        .saturating_mul(1_000)
        .saturating_add(time.tv_nsec / 1_000_000)
}
