-- +goose Up

-- payments

-- Where payments is a service of its own, a payment is there before its order: unconfirmed until
-- orders has decided.
ALTER TABLE payments
    DROP CONSTRAINT payments_status_check,
    ADD CONSTRAINT payments_status_check CHECK (status IN ('unconfirmed', 'authorised', 'declined', 'voided'));

-- Those that nobody settles are looked for, and there should be none.
CREATE INDEX payments_unconfirmed ON payments (created_at) WHERE status = 'unconfirmed';

-- orders

-- What was decided of each payment that is held elsewhere: 'confirm' is written in the transaction
-- of its order. There is one decision for a payment, and it stays: an order that was on its way when
-- its payment was given back must not be written after all.
CREATE TABLE payment_decisions (
    payment_id uuid PRIMARY KEY,
    decision text NOT NULL CHECK (decision IN ('confirm', 'void')),
    decided_at timestamptz NOT NULL DEFAULT now(),
    -- When payments had carried it out.
    settled_at timestamptz
);

CREATE INDEX payment_decisions_unsettled ON payment_decisions (decided_at) WHERE settled_at IS NULL;
