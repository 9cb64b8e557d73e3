// Sends a broker frames of every request and version, right ones and broken ones, and watches that it lives, answers, and stays small.
//
//     BrokerFuzz --broker PROGRAM [--frames N] [--seed S] [--only N]
//
// Exit status: 0 all held, 1 something did not, 2 wrong use.
import Glibc

var options = ["--broker": "", "--frames": "50000", "--seed": "1", "--only": "0"]
var words = Array(CommandLine.arguments.dropFirst())
while words.count >= 2, options[words[0]] != nil {
    options[words[0]] = words[1]
    words.removeFirst(2)
}
guard words.isEmpty, let program = options["--broker"], program.hasPrefix("/"), let frames = Int(options["--frames"] ?? ""), frames > 0,
    let seed = UInt64(options["--seed"] ?? ""), let only = Int(options["--only"] ?? ""), only >= 0
else {
    print("usage: BrokerFuzz --broker /PATH/OF/meshbroker [--frames N] [--seed S] [--only N]")
    exit(2)
}
do {
    let fuzzer = try Fuzzer(program: program, seed: seed)
    guard let failure = fuzzer.run(only > 0 ? only...only : 1...frames) else { exit(0) }
    print("FAILED with seed \(seed): \(failure)")
} catch {
    print("BrokerFuzz: \(error)")
}
exit(1)
