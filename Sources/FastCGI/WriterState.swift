import LinuxSupport

/// The responses of one writer thread: those with something to write, and those that wait for their peers.
struct WriterState {
  private let epoll: Epoll
  private let table: ConnectionTable
  private let timeout: Duration
  private var ready: [OutgoingResponse] = []
  /// Responses whose connections are in the epoll, by descriptor.
  private var watched: [Int32: (response: OutgoingResponse, interest: Epoll.Interest)] = [:]

  /// - Parameter timeout: how long a peer may take to accept more bytes.
  init(epoll: Epoll, table: ConnectionTable, timeout: Duration) {
    self.epoll = epoll
    self.table = table
    self.timeout = timeout
  }

  /// Whether there is something to write now.
  var isBusy: Bool { !ready.isEmpty }

  /// Adds responses that have something new to write.
  mutating func add(_ scheduled: [OutgoingResponse]) {
    ready += scheduled
  }

  /// Notes that a peer can accept more bytes or has disconnected.
  mutating func handle(_ event: Epoll.Event) {
    guard let (response, interest) = watched[event.descriptor] else { return }
    if event.isHangUp, interest.contains(.hangUp) {
      complete(response, false)
    } else {
      ready.append(response)
    }
  }

  /// Writes one slice of each response that is ready.
  mutating func writeSlices() {
    let round = ready
    ready = []
    for response in round where !response.isComplete { advance(response) }
  }

  private mutating func advance(_ response: OutgoingResponse) {
    let next = response.nextWrite
    let always: Epoll.Interest = response.isStream ? .hangUp : []
    guard next != .wait else { return watch(response, for: always) }
    guard response.connection.isWritable else { return watch(response, for: always.union(.writable)) }
    watch(response, for: always)
    if case .write(let slice) = next {
      write(slice, of: response)
    } else {
      complete(response, response.connection.endResponse())
    }
  }

  private mutating func write(_ slice: ArraySlice<UInt8>, of response: OutgoingResponse) {
    guard response.connection.write(slice), response.connection.flush() else { return complete(response, false) }
    response.wrote(slice.count)
    ready.append(response)
  }

  private mutating func complete(_ response: OutgoingResponse, _ isDelivered: Bool) {
    let descriptor = response.connection.descriptor
    if watched.removeValue(forKey: descriptor) != nil { epoll.remove(descriptor) }
    response.complete(isDelivered)
  }

  /// Watches the peer for an event; waiting for room to write has the timeout as its deadline.
  private mutating func watch(_ response: OutgoingResponse, for interest: Epoll.Interest) {
    let descriptor = response.connection.descriptor
    let before = watched[descriptor]?.interest
    guard interest != before ?? [] else { return }
    if before == nil {
      guard epoll.add(descriptor, interest) else { return complete(response, false) }
    } else {
      epoll.rearm(descriptor, interest)
    }
    watched[descriptor] = (response, interest)
    let awaitsRoom = interest.contains(.writable)
    if awaitsRoom || before?.contains(.writable) == true {
      table.setDeadline(awaitsRoom ? .now + timeout : nil, for: response.connection)
    }
  }
}
