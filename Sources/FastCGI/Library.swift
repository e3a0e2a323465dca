import CFastCGI
import Glibc

/// The state that libfcgi has once per process.
enum Library {
  /// Whether libfcgi could be set up; the first look at it does so.
  ///
  /// `FCGX_Init` installs handlers for three signals that make SIGTERM do nothing. They are put back to what they were,
  /// except that SIGPIPE is ignored: a peer that hangs up must not end the process.
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
