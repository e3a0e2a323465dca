/// The deliveries of one writer thread: those that can be written now, and those that wait for their peers.
struct WriterRound {
  private let epoll: Epoll
  private let table: ConnectionTable
  private let timeout: Duration
  private var ready: [Delivery] = []
  /// By descriptor, with what their descriptors are watched for.
  private var watched: [Int32: (delivery: Delivery, interest: Epoll.Interest)] = [:]

  /// A round without deliveries.
  init(epoll: Epoll, table: ConnectionTable, timeout: Duration) {
    self.epoll = epoll
    self.table = table
    self.timeout = timeout
  }

  /// Whether there is something to write now.
  var isBusy: Bool { !ready.isEmpty }

  /// Takes on deliveries that have something new to write.
  mutating func add(_ scheduled: [Delivery]) {
    ready += scheduled
  }

  /// The peer of a delivery has read on, or has gone.
  mutating func happened(_ event: Epoll.Event) {
    guard let (delivery, interest) = watched[event.descriptor] else { return }
    if event.isHangUp, interest.contains(.hangUp) {
      complete(delivery, false)
    } else {
      ready.append(delivery)
    }
  }

  /// Writes one slice of each delivery.
  mutating func writeSlices() {
    let turn = ready
    ready = []
    for delivery in turn where !delivery.isComplete { advance(delivery) }
  }

  private mutating func advance(_ delivery: Delivery) {
    let turn = delivery.turn
    let resting: Epoll.Interest = delivery.isStream ? .hangUp : []
    guard turn != .wait else { return watch(delivery, for: resting) }
    guard delivery.connection.isWritable else { return watch(delivery, for: resting.union(.writable)) }
    watch(delivery, for: resting)
    if case .write(let slice) = turn {
      write(slice, of: delivery)
    } else {
      complete(delivery, delivery.connection.endAnswer())
    }
  }

  private mutating func write(_ slice: ArraySlice<UInt8>, of delivery: Delivery) {
    guard delivery.connection.write(slice), delivery.connection.flush() else { return complete(delivery, false) }
    delivery.wrote(slice.count)
    ready.append(delivery)
  }

  private mutating func complete(_ delivery: Delivery, _ isDelivered: Bool) {
    let descriptor = delivery.connection.descriptor
    if watched.removeValue(forKey: descriptor) != nil { epoll.remove(descriptor) }
    delivery.complete(isDelivered)
  }

  /// Waits for the peer, and while that is for room to write, only until the timeout.
  private mutating func watch(_ delivery: Delivery, for interest: Epoll.Interest) {
    let descriptor = delivery.connection.descriptor
    let before = watched[descriptor]?.interest
    guard interest != before ?? [] else { return }
    if before == nil {
      guard epoll.add(descriptor, interest) else { return complete(delivery, false) }
    } else {
      epoll.rearm(descriptor, interest)
    }
    watched[descriptor] = (delivery, interest)
    let waits = interest.contains(.writable)
    if waits || before?.contains(.writable) == true {
      table.setDeadline(waits ? .now + timeout : nil, for: delivery.connection)
    }
  }
}
