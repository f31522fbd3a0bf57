//! `tieline`: the one binary.
mod clock;
mod config;

fn main() {
    let _ = clock::SystemClock;
    print!("{}", config::example());
    println!("{}", config::schema());
    let _ = config::Config::load(std::path::Path::new("x"));
}
