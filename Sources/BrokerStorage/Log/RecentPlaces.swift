/// Where batches of a few offsets begin, so that a reader who goes on, or who waits at the end, need not be looked up.
struct RecentPlaces {
    private struct Place {
        var offset: Int64
        var segmentBase: Int64
        var position: Int
    }

    private static let limit = 8
    private var places: [Place] = []
    private var next = 0

    func find(_ offset: Int64) -> (segmentBase: Int64, position: Int)? {
        for place in places where place.offset == offset { return (place.segmentBase, place.position) }
        return nil
    }

    mutating func note(_ offset: Int64, segmentBase: Int64, position: Int) {
        if find(offset) != nil { return }
        let place = Place(offset: offset, segmentBase: segmentBase, position: position)
        if places.count < Self.limit { places.append(place) } else { places[next] = place }
        next = (next + 1) % Self.limit
    }

    /// Positions have changed.
    mutating func forget() { places = [] }
}
