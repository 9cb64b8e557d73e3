import Terminal

/// `1 partition`, `2,000 partitions`.
func counted(_ number: Int, _ word: String) -> String { "\(HumanText.count(number)) \(word)\(number == 1 ? "" : "s")" }
