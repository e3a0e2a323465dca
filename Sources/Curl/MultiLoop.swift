import CCurl
import LinuxSupport
import Synchronization

/// The thread that performs all transfers of a client with one multi handle.
final class MultiLoop: Sendable {
  /// The commands to the thread.
  let mailbox: Mailbox
  private let thread: Mutex<SystemThread?>

  /// Starts the thread, which runs until `close`.
  init(_ configuration: HTTPClientConfiguration) {
    let multi = MultiHandle(configuration)
    let mailbox = Mailbox(waking: multi)
    self.mailbox = mailbox
    do {
      let thread = try SystemThread(name: "http-client") {
        var state = LoopState(multi: multi, mailbox: mailbox)
        while state.run() {}
        state.end()
      }
      self.thread = Mutex(thread)
    } catch {
      fatalError("no thread for the HTTP client: \(error): raise the limit of threads (TasksMax)")
    }
  }

  /// Fails every transfer with `closed` and waits until the thread has ended. A second call waits as well.
  func close() {
    mailbox.close()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }
}

/// The state of the thread, which no other thread may use.
private struct LoopState {
  let multi: MultiHandle
  let mailbox: Mailbox
  /// The started transfers by easy handle, kept alive for libcurl's callbacks.
  var transfers: [UnsafeMutableRawPointer: Transfer] = [:]
  /// When a transfer may have waited too long for its next byte; nil if none has such a limit. It may be too early: a
  /// byte moves the end of a wait, and this is not updated before it has passed.
  var nextIdleCheck: ContinuousClock.Instant?

  /// One round: performs commands and transfers, then waits for sockets, timeouts and the mailbox.
  /// - Returns: false once the mailbox is closed.
  mutating func run() -> Bool {
    let (commands, isClosed) = mailbox.drain()
    for command in commands { perform(command) }
    if isClosed { return false }
    var running: Int32 = 0
    ccurl_multi_perform(multi.pointer, &running)
    finishCompleted()
    let code = ccurl_multi_poll(multi.pointer, nil, 0, endIdle(), nil)
    precondition(code == CURLM_OK, "curl_multi_poll failed: \(String(cString: ccurl_multi_strerror(code)))")
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
    guard let check = nextIdleCheck else { return Int32(longest / .milliseconds(1)) }
    let now = ContinuousClock.now
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
    return wait > .zero ? Int32(min(wait, longest) / .milliseconds(1)) + 1 : Int32(longest / .milliseconds(1))
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
    let now = ContinuousClock.now
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
