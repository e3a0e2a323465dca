import CFastCGI
import Glibc

/// The global state of libfcgi.
enum Library {
  /// Initialises libfcgi on first use; false if that failed.
  ///
  /// `FCGX_Init` installs handlers for three signals, with which SIGTERM has no effect. The former handlers are
  /// restored, except that SIGPIPE is ignored: a peer that disconnects must not end the process.
  static let isReady: Bool = {
    let signals = [SIGTERM, SIGUSR1, SIGPIPE]
    let before = signals.map(disposition)
    let result = FCGX_Init()
    for (signal, var disposition) in zip(signals, before) { sigaction(signal, &disposition, nil) }
    if disposition(of: SIGPIPE).__sigaction_handler.sa_handler == nil { Glibc.signal(SIGPIPE, SIG_IGN) }
    return result == 0
  }()

  private static func disposition(of signal: Int32) -> sigaction {
    var action = sigaction()
    sigaction(signal, nil, &action)
    return action
  }
}
