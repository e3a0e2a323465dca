import CTLS
import Glibc

/// libssl, which the process loads when it needs it first.
enum TLSLibrary {
  /// The library's name, with the version of its binary interface, that of OpenSSL 3.
  private static let name = "libssl.so.3"

  private static let loaded = Result { () throws(LinkFailure) in try load() }

  /// Loads the library, once. It is never unloaded.
  /// - Throws: `LinkFailure` when it cannot be used.
  static func require() throws(LinkFailure) { try loaded.get() }

  private static func load() throws(LinkFailure) {
    guard let library = dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
      throw failure("cannot be loaded: \(dlerror().map { String(cString: $0) } ?? name)")
    }
    if let missing = ctls_find(library) { throw failure("has no \(String(cString: missing))") }
    guard ctls_initialize() == 1 else { throw failure("cannot be initialised") }
  }

  private static func failure(_ fault: String) -> LinkFailure {
    LinkFailure(
      "no TLS: \(name) \(fault)", remedy: "install the package libssl3 (libssl3t64 from Debian 13 on), and restart wf")
  }
}
