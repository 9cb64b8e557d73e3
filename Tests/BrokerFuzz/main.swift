// Sends a broker frames of every request and version, right ones and broken ones, and watches that it lives, answers, and stays small.
//
//     BrokerFuzz PROGRAM [FRAMES [SEED]]
//
// Exit status: 0 all held, 1 something did not, 2 wrong use.
import Glibc

let words = CommandLine.arguments.dropFirst()
guard let program = words.first, let frames = Int(words.dropFirst().first ?? "50000"), let seed = UInt64(words.dropFirst(2).first ?? "1")
else {
    print("usage: BrokerFuzz PROGRAM [FRAMES [SEED]]")
    exit(2)
}
do {
    let fuzzer = try Fuzzer(program: program, seed: seed)
    let failure = fuzzer.run(frames)
    if let failure { print("FAILED: \(failure)\nagain: BrokerFuzz \(program) \(frames) \(seed)") }
    exit(failure == nil ? 0 : 1)
} catch {
    print("BrokerFuzz: \(error)")
    exit(1)
}
