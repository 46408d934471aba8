#!/bin/sh
# Configures Postfix from the environment and runs it in the foreground.
set -eu
postconf -e \
  "myhostname = $MAIL_NAME" \
  "mydestination =" \
  "virtual_mailbox_domains = $DOMAINS" \
  "virtual_transport = lmtp:inet:sendook:2424" \
  "mynetworks = 127.0.0.0/8 172.16.0.0/12" \
  "smtpd_recipient_restrictions = reject_unverified_recipient" \
  "unverified_recipient_reject_code = 550" \
  "message_size_limit = 26214400" \
  "smtputf8_enable = yes" \
  "maillog_file = /dev/stdout"
# In the chroot names of containers are not found.
postconf -F "*/*/chroot = n"
exec postfix start-fg
