import MeshRuntime

/// Makes plans. Pure: everything comes from the seed.
struct ChaosPlanner {
    private var random: ChaosRandom
    private var plan: ChaosPlan
    /// How many faults were planned, each with its end.
    private var faults = 0
    /// In milliseconds.
    private var duration: Int { plan.seconds * 1_000 }

    /// `rate` is in requests a second; a scenario whose calls are slow has its own.
    static func plan(_ scenario: Scenario, _ mode: DeliveryMode, seed: UInt64, seconds: Int, rate: Int = 300) -> ChaosPlan {
        var planner = ChaosPlanner(
            random: ChaosRandom(seed: seed, purpose: scenario.rawValue),
            plan: ChaosPlan(scenario: scenario, mode: mode, seed: seed, seconds: seconds))
        planner.plan.load.requestsPerSecond = rate
        planner.fill()
        planner.plan.steps.sort { $0.milliseconds < $1.milliseconds }
        return planner.plan
    }

    private mutating func fill() {
        switch plan.scenario {
        case .kill: kills()
        case .sigterm: storms()
        case .scale: scale()
        case .freeze: freezes()
        // Clients wait longer between their attempts the longer it is away.
        case .brokerKill: repeated(.killBroker, .startBroker, lasting: 200...(duration >= 60_000 ? 25_000 : 3_000), apart: 3_000...6_000)
        case .brokerFreeze: repeated(.freezeBroker, .thawBroker, lasting: 1_000...8_000, apart: 3_000...6_000)
        case .network: network()
        case .poison:
            plan.load.poisonPerMille = 10
            kills(apart: 3_000...6_000)
        case .retry:
            plan.load.transientPerMille = 40
            plan.retry = plan.seed % 2 == 0 ? .inPlace : .topic
            mishaps()
        case .slow: slow()
        case .dependency:
            plan.callMilliseconds = 5
            repeated(.breakDependency, .mendDependency, lasting: outage, apart: 20_000...40_000)
        case .deadLetters:
            plan.load.poisonPerMille = 10
            // A bot raises its alarm when it has failed for 5 s, and tries every 2 s.
            repeated(.refuseDeadLetters, .acceptDeadLetters, lasting: 10_000...14_000, apart: 5_000...10_000)
        case .diskFull:
            // What bots call is noted in their state, so its topic is refused too.
            plan.callMilliseconds = 5
            repeated(.fillDisk, .freeDisk, lasting: 1_500...6_000, apart: 4_000...8_000)
        case .clock:
            // What waits to be tried again, waits by a clock.
            plan.load.transientPerMille = 40
            plan.retry = plan.seed % 2 == 0 ? .inPlace : .topic
            clock()
        case .duplicates:
            (plan.load.repeatPerMille, plan.load.reorderPerMille) = (100, 50)
            kills(apart: 3_000...6_000)
        case .state: movesAndKills()
        case .stateDisk: movesOnAFullDisk()
        }
    }

    private mutating func add(_ milliseconds: Int, _ fault: Fault) {
        plan.steps.append(ChaosPlan.Step(milliseconds: milliseconds, fault: fault))
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    private mutating func slot() -> Int { number(1...plan.bots) }

    /// After each third fault of a run that lasts, a pause in which a partition that stands still is found: longer than one may, from the end of all that
    /// was done. The shorter ones between others are too short for that.
    private mutating func rest(_ time: inout Int) {
        faults += 1
        guard plan.seconds >= Self.longSeconds, faults % 3 == 0 else { return }
        let end = plan.steps.reduce(0) { max($0, $1.milliseconds + Int($1.fault.secondsUnseen * 1_000)) }
        time = max(time, end + Int((ChaosPlan.stallSeconds + plan.explainedSeconds + 3) * 1_000))
    }

    /// A run of so many seconds has pauses.
    private static let longSeconds = 60

    /// A fault and its end, over and over; at least once.
    private mutating func repeated(_ fault: Fault, _ end: Fault, lasting: ClosedRange<Int>, apart: ClosedRange<Int>) {
        var time = number(200...1_000)
        repeat {
            add(time, fault)
            time += number(lasting)
            add(time, end)
            time += number(apart)
            rest(&time)
        } while time < duration
    }

    private mutating func kills(apart: ClosedRange<Int> = 500...2_500) {
        var time = number(200...800)
        var free = [Int](repeating: 0, count: plan.bots + 1)
        repeat {
            let victim = slot()
            if free[victim] <= time {
                add(time, .kill(slot: victim))
                free[victim] = time + number(0...1_500)
                add(free[victim], .start(slot: victim))
                // Time to come up: a process that dies before it has joined proves little.
                free[victim] += 1_500
                rest(&time)
            }
            time += number(apart)
        } while time < duration
    }

    private mutating func storms() {
        var time = number(200...800)
        var isFirst = true
        repeat {
            let first = slot()
            for slot in 1...plan.bots where slot == first || number(0...2) > 0 {
                let start = time + number(0...300)
                add(start, .terminate(slot: slot, twice: isFirst && slot == first || number(0...4) == 0))
                add(start + number(0...500), .start(slot: slot))
            }
            isFirst = false
            time += number(2_500...5_000)
            rest(&time)
        } while time < duration
    }

    /// kill -9, SIGSTOP and SIGTERM in turn, each of a bot that is well; each at least once.
    private mutating func mishaps() {
        var time = number(200...800)
        var free = [Int](repeating: 0, count: plan.bots + 1)
        var turn = number(0...2)
        let last = turn + 2
        repeat {
            let victim = slot()
            if free[victim] <= time {
                switch turn % 3 {
                case 0:
                    add(time, .kill(slot: victim))
                    free[victim] = time + number(0...1_500)
                    add(free[victim], .start(slot: victim))
                case 1:
                    add(time, .freeze(slot: victim))
                    free[victim] = time + number(7_500...9_500)
                    add(free[victim], .thaw(slot: victim))
                default:
                    add(time, .terminate(slot: victim))
                    free[victim] = time + number(0...500)
                    add(free[victim], .start(slot: victim))
                }
                // Time to come up, or to end.
                free[victim] += 2_500
                turn += 1
                rest(&time)
            }
            time += number(500...2_500)
        } while time < duration || turn <= last
    }

    private mutating func scale() {
        var time = 0
        var current = plan.bots
        repeat {
            for target in [6, 2, 5] {
                time += max(1_000, duration / 6) + number(0...500)
                if target > current { for slot in current + 1...target { add(time, .start(slot: slot)) } }
                if target < current { for slot in target + 1...current { add(time, .terminate(slot: slot)) } }
                // A change that meets the one before it moves little: each waits until the last one is through.
                add(time + 1, .settle(bots: target))
                current = target
                rest(&time)
            }
        } while time < duration / 2
    }

    /// One more bot, a kill, one fewer, a kill, over and over: partitions move with their states, at rest and after a crash.
    private mutating func movesAndKills() {
        let most = plan.bots + 1
        var time = 0
        repeat {
            time += number(300...1_000)
            add(time, .start(slot: most))
            add(time + 1, .settle(bots: most))
            kill(number(1...most), of: most, at: &time)
            time += number(300...1_000)
            add(time, .terminate(slot: most))
            add(time + 1, .settle(bots: plan.bots))
            kill(slot(), of: plan.bots, at: &time)
        } while time < duration
    }

    /// A kill, and a start when the group is at rest without the victim; `time` moves on.
    private mutating func kill(_ victim: Int, of bots: Int, at time: inout Int) {
        time += number(500...1_500)
        add(time, .kill(slot: victim))
        // Until its session is over the dead one counts as a member.
        add(time + 1, .settle(bots: bots - 1))
        time += number(100...1_000)
        add(time, .start(slot: victim))
        add(time + 1, .settle(bots: bots))
        rest(&time)
    }

    /// One more bot and a kill while the bots' disk is full. When it has space again all are started anew: whoever could not write tries again after a
    /// minute only.
    private mutating func movesOnAFullDisk() {
        let most = plan.bots + 1
        var time = 0
        repeat {
            time += number(300...1_000)
            add(time, .fillBotDisk)
            time += number(300...1_000)
            add(time, .start(slot: most))
            add(time + 1, .settle(bots: most))
            kill(number(1...most), of: most, at: &time)
            time += number(300...1_000)
            add(time, .freeBotDisk)
            time += 1
            add(time, .terminate(slot: most))
            for slot in 1...plan.bots {
                add(time, .terminate(slot: slot))
                time += number(0...300)
                add(time, .start(slot: slot))
            }
            add(time + 1, .settle(bots: plan.bots))
            add(time + 2, .copy(bots: plan.bots))
            time += 2
            rest(&time)
        } while time < duration
    }

    private mutating func freezes() {
        var time = number(200...1_000)
        var least = 7_500
        repeat {
            let victim = slot()
            add(time, .freeze(slot: victim))
            // The session timeout is 6 s: the first is taken for dead, and most of the others; some wake up just in time.
            time += number(least...9_500)
            least = 5_500
            add(time, .thaw(slot: victim))
            time += number(2_000...5_000)
            rest(&time)
        } while time < duration
    }

    /// Cut, silent and slow in turn, each at least once; the seed says which comes first.
    private mutating func network() {
        var time = number(200...1_000)
        var turn = Int(plan.seed % 3)
        let last = turn + 2
        repeat {
            let victim = number(0...1) == 0 ? nil : slot()
            let weather: LinkWeather =
                switch turn % 3 {
                case 0: .cut
                case 1: .silent
                default: .slow(delayMilliseconds: number(20...300), kilobytesPerSecond: number(50...500))
                }
            turn += 1
            add(time, .links(slot: victim, weather))
            time += number(1_000...max(1_500, min(8_000, duration / 3)))
            add(time, .links(slot: victim, .fine))
            time += number(min(2_000, duration / 8)...min(5_000, duration / 4))
            rest(&time)
        } while time < duration || turn <= last
    }

    /// The bots' `max.poll.interval.ms` is 10 s and their session timeout 6 s: each call takes longer than both.
    private mutating func slow() {
        (plan.callMilliseconds, plan.handleMilliseconds, plan.pollSeconds) = (12_000, 1_500, 10)
        // Requests of one key wait for each other, and shares need not be even: one bot may have to make all the calls.
        (plan.load.requestsPerSecond, plan.load.keys) = (20, 4_000)
        // A run that is cut off more than five times is given up as one that ends its process.
        kills(apart: plan.seconds >= 60 ? 25_000...40_000 : 10_000...20_000)
    }

    /// A minute where there is time for it.
    private var outage: ClosedRange<Int> { duration >= 90_000 ? 55_000...60_000 : 2_000...4_000 }

    /// Forward and back in turn, of one bot after another; the seed says which come first.
    private mutating func clock() {
        var time = number(200...800)
        var victim = slot()
        var seconds = number(0...1) == 0 ? 3_600 : -3_600
        var stepped: Set<Int> = []
        var count = 0
        repeat {
            add(time, .stepClock(slot: victim, seconds: seconds))
            stepped.insert(victim)
            count += 1
            time += number(min(1_500, duration / 6)...min(4_000, duration / 3))
            if number(0...2) == 0 {
                let killed = slot()
                add(time, .kill(slot: killed))
                add(time + 100, .start(slot: killed))
                time += 1_500
            }
            rest(&time)
            // Three bots and two directions: the same one goes the other way next time.
            victim = victim % plan.bots + 1
            seconds = -seconds
        } while time < duration || count <= plan.bots
        for slot in stepped.sorted() { add(max(time, duration), .stepClock(slot: slot, seconds: 0)) }
    }
}
