import CCurl
import LinuxSupport
import Synchronization

/// The thread that performs all transfers of a client with one multi handle.
final class MultiLoop: Sendable {
  /// The commands to the thread.
  let mailbox: Mailbox
  private let thread: SystemThread
  private let isJoined = Mutex(false)

  /// Starts the thread, which runs until `close`.
  init(_ configuration: HTTPClientConfiguration) {
    // Here and not on the thread: it loads libcurl, which a request needs before it comes to the thread.
    let multi = MultiHandle(configuration)
    do {
      let mailbox = Mailbox(waker: try Waker())
      self.mailbox = mailbox
      thread = try SystemThread(name: "http-client") {
        var state = LoopState(multi, mailbox: mailbox)
        while state.run() {}
        state.end()
      }
    } catch {
      fatalError("no HTTP client: \(error): raise the limits of threads and descriptors (TasksMax, LimitNOFILE)")
    }
  }

  /// Fails every transfer with `closed` and waits until the thread has ended, unless it is the calling
  /// thread: a body callback there may hold the last reference to the client. A second call waits as well.
  func close() {
    mailbox.close()
    if thread.isCurrent {
      isJoined.withLockIfAvailable { isJoined in
        if !isJoined { thread.detach() }
        isJoined = true
      }
    } else {
      isJoined.withLock { isJoined in
        if !isJoined { thread.join() }
        isJoined = true
      }
    }
  }
}

/// The state of the thread, which no other thread may use.
private struct LoopState {
  private let multi: MultiHandle
  private let mailbox: Mailbox
  private let poller: SocketPoller
  /// The started transfers by easy handle, kept alive for libcurl's callbacks.
  private var transfers: [UnsafeMutableRawPointer: Transfer] = [:]
  /// When a transfer may have waited too long for its next byte; nil if none has such a limit. It may be too early: a
  /// byte moves the end of a wait, and this is not updated before it has passed.
  private var nextIdleCheck: MonotonicInstant?

  init(_ multi: MultiHandle, mailbox: Mailbox) {
    self.multi = multi
    self.mailbox = mailbox
    do { poller = try SocketPoller(waker: mailbox.waker) } catch {
      fatalError("no HTTP client: \(error): raise the limit of descriptors (LimitNOFILE)")
    }
    poller.attach(to: multi)
  }

  /// One round: performs commands, waits for sockets, time and the mailbox, then performs transfers.
  /// - Returns: false once the mailbox is closed.
  mutating func run() -> Bool {
    let (commands, isClosed) = mailbox.drain()
    for command in commands { perform(command) }
    if isClosed { return false }
    poller.wait(atMost: endIdle()) { socket, bits in
      multi.act(on: socket, bits)
    } gathers: { easy in
      transfers[easy]?.gathersRest ?? false
    }
    if poller.isDue {
      multi.act(on: CURL_SOCKET_TIMEOUT, 0)
      // It calls back only where its next time is another than the last one.
      poller.call(in: multi.timeout)
    }
    finishCompleted()
    return true
  }

  /// Fails the remaining transfers, closes all connections, destroys the handle.
  mutating func end() {
    for transfer in transfers.values {
      ccurl_multi_remove_handle(multi.pointer, transfer.easy)
      transfer.buffer.finish(.failure(.closed))
    }
    transfers = [:]
    ccurl_multi_cleanup(multi.pointer)
  }

  /// Ends the transfers that have waited too long for their next byte.
  /// - Returns: how long the thread may wait, in milliseconds.
  private mutating func endIdle() -> Int32 {
    let longest = Duration.milliseconds(60_000)
    guard let check = nextIdleCheck else { return Int32(longest.milliseconds) }
    let now = MonotonicInstant.now
    var wait = check - now
    if wait <= .zero {
      let patiences = transfers.values.compactMap { transfer in transfer.patience(at: now).map { (transfer, $0) } }
      for (transfer, patience) in patiences where patience <= .zero {
        transfer.buffer.finish(.failure(.timedOut(.idle)))
        remove(transfer.easy)
      }
      wait = patiences.map(\.1).filter { $0 > .zero }.min() ?? .zero
      nextIdleCheck = wait > .zero ? now + wait : nil
    }
    return Int32((wait > .zero ? min(wait, longest) : longest).milliseconds) + 1
  }

  private mutating func perform(_ command: Mailbox.Command) {
    switch command {
    case .start(let transfer): start(transfer)
    case .resume(let transfer): resume(transfer)
    case .abort(let transfer): remove(transfer.easy)
    }
  }

  private mutating func start(_ transfer: Transfer) {
    guard !transfer.buffer.isEnded else { return }  // cancelled meanwhile
    let code = ccurl_multi_add_handle(multi.pointer, transfer.easy)
    precondition(code == CURLM_OK, "a transfer starts once: \(String(cString: ccurl_multi_strerror(code)))")
    transfers[transfer.easy] = transfer
    let now = MonotonicInstant.now
    if let patience = transfer.patience(at: now) {
      nextIdleCheck = min(nextIdleCheck ?? now + patience, now + patience)
    }
  }

  /// libcurl delivers the refused bytes again within the call, so the transfer may also fail within the call.
  private mutating func resume(_ transfer: Transfer) {
    guard transfers[transfer.easy] != nil else { return }
    let code = ccurl_easy_pause(transfer.easy, CURLPAUSE_CONT)
    guard code != CURLE_OK else { return }
    transfer.finish(code)
    remove(transfer.easy)
  }

  private mutating func finishCompleted() {
    var left: Int32 = 0
    while let message = ccurl_multi_info_read(multi.pointer, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let code = message.pointee.data.result  // the message is freed when the handle is removed
      transfers[easy]?.finish(code)
      remove(easy)
    }
  }

  /// Removes a transfer. The connection is kept if the transfer is complete, and closed otherwise.
  private mutating func remove(_ easy: UnsafeMutableRawPointer) {
    guard transfers[easy] != nil else { return }
    ccurl_multi_remove_handle(multi.pointer, easy)
    transfers[easy] = nil  // last, since it may free the handle
  }
}
