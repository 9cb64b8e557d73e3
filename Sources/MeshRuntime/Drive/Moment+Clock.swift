import Glibc

extension Moment {
    /// Now, by the machine's clocks.
    static var current: Moment {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Moment(wall: .now, uptime: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// The uptime as it was at the clock's last tick, a few milliseconds ago: asking for it costs a fraction, and can be done for each record.
    static var roughUptime: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
