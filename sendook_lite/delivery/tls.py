"""What TLS needs: the operator's trust, and words for what can go wrong."""

import ssl

# OpenSSL's verification results (x509_vfy.h).
_VERIFY_PHRASES = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed",
    19: "the certificate was issued by an authority that is not trusted",
    20: "the certificate was issued by an authority that is not trusted",
    21: "the certificate's chain is incomplete",
    23: "the certificate has been revoked",
    62: "the certificate is for another host name",
    64: "the certificate is for another address",
}
_REASON_PHRASES = {
    "WRONG_VERSION_NUMBER": "the endpoint does not speak TLS on this port",
    "HTTP_REQUEST": "the endpoint does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "the endpoint speaks only versions of TLS that are too old",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the endpoint speaks only versions of TLS that are too old",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the endpoint wants a client certificate",
    "TLSV1_UNRECOGNIZED_NAME": "the endpoint does not know this host name",
}


def load_context(ca_file: str | None) -> ssl.SSLContext:
    """Load the trusted roots: the operator's file, else the system's. Takes tens of milliseconds.

    Raises:
        OSError: the file cannot be read, or holds no certificate (``ssl.SSLError``).
    """
    context = ssl.create_default_context(cafile=ca_file or None)
    context.set_alpn_protocols(["http/1.1"])
    return context


def explain(error: ssl.SSLError) -> str:
    """Put a TLS failure into a phrase for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        phrase = _VERIFY_PHRASES.get(error.verify_code)
        return phrase or f"the certificate was not accepted: {error.verify_message}"
    reason = error.reason or ""
    phrase = _REASON_PHRASES.get(reason)
    if phrase is not None:
        return phrase
    plain = reason.replace("_", " ").lower()
    return f"the TLS handshake failed: {plain}" if plain else "the TLS handshake failed"
