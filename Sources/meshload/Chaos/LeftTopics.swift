/// A run's topics at a Kafka that others use too: named when they stay there, also when the run is interrupted.
struct LeftTopics {
    private let names: [String]
    private let interruption: Int

    init(_ names: [String]) {
        self.names = names
        interruption = Interruption.add { Self.say(names) }
    }

    private static func say(_ names: [String]) { Chaos.say("  the topics of the run stay there: \(names.joined(separator: ", "))") }

    /// They stay.
    func tell() {
        forget()
        Self.say(names)
    }

    /// They are gone.
    func forget() { Interruption.remove(interruption) }
}
