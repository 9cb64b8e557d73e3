/// How long to wait before a dead instance is started again: it doubles with each death, up to a limit, and is forgotten after a good while alive.
struct RestartPolicy {
    static let firstDelay: Duration = .milliseconds(200)
    static let longestDelay: Duration = .seconds(30)
    /// An instance that lived this long counts as healthy again.
    static let healthyAfter: Duration = .seconds(30)

    private var deaths = 0

    /// The delay after a death that followed `lifetime`.
    mutating func delay(afterLifetime lifetime: Duration) -> Duration {
        if lifetime >= Self.healthyAfter { deaths = 0 }
        defer { deaths += 1 }
        return min(Self.longestDelay, Self.firstDelay * (1 << min(deaths, 10)))
    }
}
