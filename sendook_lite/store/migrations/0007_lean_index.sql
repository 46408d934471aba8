-- Whether a status is one of three was looked up in a table made for that, with every statement
-- that adds or settles deliveries. There are four: it says the same with one comparison.
DROP INDEX deliveries_unsuccessful;
CREATE INDEX deliveries_unsuccessful ON deliveries (status, seq, webhook_seq)
  WHERE status <> 'delivered';
