-- +goose Up

-- Payments used to be written before their order, so one could be left behind when the service was
-- killed in between. Since they are written together there are no new ones. The youngest are left
-- alone: they may belong to a service of before that is still running.
UPDATE payments AS p
SET status = 'voided'
WHERE p.status = 'authorised'
    AND p.created_at < now() - interval '1 minute'
    AND NOT EXISTS (SELECT FROM orders AS o WHERE o.payment_id = p.id);
