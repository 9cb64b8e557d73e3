import BotKit

/// The graph of a bot's actions by `on_success` and `on_failure`. The first action is the entry; an edge that is not there ends the run.
struct ActionGraph {
    private let actions: [ReadAction]
    private let indices: [String: Int]

    init(_ actions: [ReadAction]) {
        self.actions = actions
        indices = Dictionary(zip(actions.map(\.action.name), actions.indices), uniquingKeysWith: { first, _ in first })
    }

    private func targets(_ index: Int) -> [Int] {
        [actions[index].action.onSuccess, actions[index].action.onFailure].compactMap { $0.flatMap { indices[$0] } }
    }

    /// Whether a run can end after this action. A name that leads nowhere is a mistake of its own, and counts as an end here.
    private func canEnd(_ index: Int) -> Bool {
        [actions[index].action.onSuccess, actions[index].action.onFailure].contains { name in name.map { indices[$0] == nil } ?? true }
    }

    private func reach(from starts: [Int], _ next: (Int) -> [Int]) -> Set<Int> {
        var seen = Set(starts)
        var open = starts
        while let index = open.popLast() {
            for target in next(index) where seen.insert(target).inserted { open.append(target) }
        }
        return seen
    }

    /// The names of the actions from which a path leads to `name`; itself only when it lies on a cycle.
    func predecessors(of name: String) -> Set<String> {
        guard let index = indices[name] else { return [] }
        return Set(actions.indices.filter { reach(from: targets($0), targets).contains(index) }.map { actions[$0].action.name })
    }

    func check(_ sink: ProblemSink, as form: ActionForm) {
        checkTargets(sink)
        guard !actions.isEmpty, form == .run else { return }
        let reached = reach(from: [0], targets)
        for index in actions.indices where !reached.contains(index) && indices[actions[index].action.name] == index {
            let action = actions[index]
            sink.error(
                action.node("name").position, action.path,
                "the action '\(action.action.name)' can never be reached from the first action, '\(actions[0].action.name)'",
                expected: "an on_success or on_failure that leads to it")
        }
        checkExits(reached, sink)
    }

    private func checkTargets(_ sink: ProblemSink) {
        for action in actions {
            for (key, target) in [("on_success", action.action.onSuccess), ("on_failure", action.action.onFailure)] {
                guard let target, indices[target] == nil else { continue }
                sink.error(
                    action.node(key).position, "\(action.path).\(key)", "\(action.path).\(key): there is no action '\(target)'",
                    expected: "one of \(indices.sorted { $0.value < $1.value }.map(\.key).joined(separator: ", "))",
                    nearest: NearestName.of(target, in: actions.map(\.action.name)))
            }
        }
    }

    /// Reports each set of actions that lead only to each other, once.
    private func checkExits(_ reached: Set<Int>, _ sink: ProblemSink) {
        let stuck = reached.filter { start in !reach(from: [start], targets).contains(where: canEnd) }
        var reported: Set<Int> = []
        for index in stuck.sorted() where !reported.contains(index) {
            let cycle = reach(from: [index], targets)
            guard targets(index).contains(where: { reach(from: [$0], targets).contains(index) }) else { continue }
            reported.formUnion(cycle)
            let names = cycle.sorted().map { "'\(actions[$0].action.name)'" }.joined(separator: ", ")
            sink.error(
                actions[index].node("name").position, actions[index].path,
                "a cycle without an exit: the actions \(names) lead only to each other",
                expected: "one of them without on_success or without on_failure, so that the run can end")
        }
    }
}
