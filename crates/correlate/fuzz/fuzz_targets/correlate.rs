#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|input: &[u8]| correlate_fuzz::correlate(input));

// Half of the mutations leave every frame whole: a line is dropped, moved or comes again.
fuzz_mutator!(|input: &mut [u8], length: usize, length_max: usize, seed: u32| {
    let (head, stream) = input[..length].split_at(length.min(3));
    let mut lines: Vec<&[u8]> = stream.split_inclusive(|&byte| byte == b'\n').collect();
    if seed % 2 == 0 || lines.len() < 2 {
        return fuzzer_mutate(input, length, length_max);
    }
    let line = lines.remove((seed >> 4) as usize % lines.len());
    let to = (seed >> 18) as usize % (lines.len() + 1);
    match seed >> 1 & 3 {
        0 => {}
        1 => lines.insert(to, line),
        _ => {
            lines.insert(to, line);
            lines.push(line);
        }
    }
    let mutated = [head, &lines.concat()].concat();
    let length = mutated.len().min(length_max);
    input[..length].copy_from_slice(&mutated[..length]);
    length
});
