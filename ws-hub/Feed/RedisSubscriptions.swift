import Domain

/// The Redis channels that the feed is subscribed to, with the number of topics that need each.
struct RedisSubscriptions {
    private var topics: Set<Topic> = []
    private var channels: [String: Int] = [:]

    /// Returns the newly needed channels.
    mutating func add(_ new: Set<Topic>) -> [String] {
        var wanted: [String] = []
        for topic in new where topics.insert(topic).inserted {
            for channel in topic.channels {
                channels[channel, default: 0] += 1
                if channels[channel] == 1 { wanted.append(channel) }
            }
        }
        return wanted
    }

    /// Returns the channels that are no longer needed.
    mutating func remove(_ old: Set<Topic>) -> [String] {
        var unwanted: [String] = []
        for topic in old where topics.remove(topic) != nil {
            for channel in topic.channels {
                let left = (channels[channel] ?? 1) - 1
                channels[channel] = left > 0 ? left : nil
                if left <= 0 { unwanted.append(channel) }
            }
        }
        return unwanted
    }
}
